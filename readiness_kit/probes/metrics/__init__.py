"""Metrics: those of the service's processes, and those that Prometheus keeps."""
