"""Judges of the section Security."""
