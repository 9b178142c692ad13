"""Backups and archived WAL: what there is, and how it is verified."""
