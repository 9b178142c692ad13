"""The cache: who lets whom in, what bounds it, and whether reads and writes use it."""
