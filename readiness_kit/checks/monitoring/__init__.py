"""Judges of the section Monitoring."""
