"""Signed records of deeds: load tests played, drills held."""
