"""What callers see of the API: over HTTP and GraphQL, at every address."""
