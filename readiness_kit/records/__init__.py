"""Signed records: SSH signatures, who may sign, waivers and attestations."""
