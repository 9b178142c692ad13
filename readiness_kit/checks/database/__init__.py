"""Judges of the section Database."""
