"""What manifests declare, and what runs in the cluster."""
