"""The probes: each looks at the target through one technology, read-only or by a canary."""
