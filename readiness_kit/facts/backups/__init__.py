"""Backups: what there is, and how it is verified."""
