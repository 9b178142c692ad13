"""Who asks: tokens and their key, identities, and what each may do."""
