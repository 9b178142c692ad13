"""Archived WAL: how the server archives it, what the archive holds, and how far a recovery gets."""
