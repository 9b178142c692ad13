"""The API as its callers see it: asked over HTTP and GraphQL, at every address."""
