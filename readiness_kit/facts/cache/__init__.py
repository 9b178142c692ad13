"""The cache: who is let in, and whether reads and writes use it."""
