"""Infrastructure: what stands around the service."""
