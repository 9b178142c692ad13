"""PostgreSQL: what it is, whom it lets in, what its statements cost; and how it is asked."""
