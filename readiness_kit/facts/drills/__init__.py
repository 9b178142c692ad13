"""What was seen in drills: losses, outages, restores."""
