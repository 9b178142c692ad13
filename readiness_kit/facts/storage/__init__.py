"""What the data lies on, and whether that is encrypted."""
