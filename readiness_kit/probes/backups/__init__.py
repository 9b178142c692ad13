"""Backups: the newest and where it lies, what it is made of, and whether it can be read."""
