"""Archived WAL: how it gets into the archive, and what is there."""
