"""Who fails over by itself, and how the application finds the primary."""
