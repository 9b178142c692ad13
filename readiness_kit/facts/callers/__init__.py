"""Who asks: tokens, keys and identities, and what each may do."""
