"""One request in a generator: handed its instant, sent, answered, and noted."""
