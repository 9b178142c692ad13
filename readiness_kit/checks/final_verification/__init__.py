"""Judges of the section Final verification."""
