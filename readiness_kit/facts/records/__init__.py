"""What signed records tell of load tests and drills."""
