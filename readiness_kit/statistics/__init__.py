"""Pure statistics of load tests, each with how sure one can be of it."""
