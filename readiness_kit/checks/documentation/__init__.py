"""Judges of the section Documentation."""
