"""Logs of the service's processes: what stands in them, and what bounds them."""
