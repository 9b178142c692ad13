"""PostgreSQL: what it is, what it lets in, what its statements cost; how it is asked, and its names."""
