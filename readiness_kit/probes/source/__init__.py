"""The service's source: its tree as git keeps it, and what its Python programs do with texts."""
