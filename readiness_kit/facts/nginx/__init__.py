"""What nginx is configured to do."""
