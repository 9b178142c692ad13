"""What stands in the service's logs, and what bounds them."""
