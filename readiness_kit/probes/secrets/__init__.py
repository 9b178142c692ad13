"""Secrets: searched for where none may be, and how strong one can be."""
