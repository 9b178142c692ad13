"""Secrets: searched for where none may be, and followed to where they come from."""
