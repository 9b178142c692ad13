"""What the service refuses: input that is faulty, hostile or too much."""
