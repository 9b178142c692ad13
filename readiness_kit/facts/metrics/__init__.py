"""What the service and Prometheus tell in figures."""
