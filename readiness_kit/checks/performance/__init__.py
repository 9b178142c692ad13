"""Judges of the section Performance."""
