"""What the service is started with."""
