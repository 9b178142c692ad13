"""AWS, and stores that speak as it does: asked by reading only."""
