"""Judges of the section Disaster recovery."""
