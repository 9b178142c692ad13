"""Judges of the section Pre-deployment assessment."""
