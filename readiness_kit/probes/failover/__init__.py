"""Failover: who makes a standby the primary, and how the application finds that."""
