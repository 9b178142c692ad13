"""What a service must refuse: input that is faulty, too large, too deep or hostile, or too much."""
