"""What documents say, read by structure."""
