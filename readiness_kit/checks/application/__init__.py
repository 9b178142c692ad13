"""Judges of the section Application."""
