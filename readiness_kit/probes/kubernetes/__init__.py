"""Kubernetes: the declared manifests, and what the API server says."""
