"""What a team would keep in its deployment repository: configuration, documents, rules."""
