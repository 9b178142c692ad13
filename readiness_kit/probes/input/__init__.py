"""Input that a service must refuse: faulty, too large, too deep, or hostile."""
