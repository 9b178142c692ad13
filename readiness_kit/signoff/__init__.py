"""Sign-off: four people answer for a run by signing the digest of its manifest."""
