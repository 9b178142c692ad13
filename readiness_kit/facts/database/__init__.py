"""PostgreSQL: the server, its roles, its limits, and what statements cost."""
