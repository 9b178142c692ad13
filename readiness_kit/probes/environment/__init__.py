"""What the service is started with: variables, by value or by reference."""
