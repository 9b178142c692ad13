"""Reads nginx.conf and its includes with crossplane: what is written, not what is running."""
