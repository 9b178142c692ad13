"""The run folder and what keeps it honest: journal, locks, redaction, canonical JSON, manifest."""
