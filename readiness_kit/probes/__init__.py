"""The probes: each looks at the target through one technology and returns facts. Read-only or canary."""
