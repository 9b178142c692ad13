"""Documents, read by their structure: objectives, runbooks, plans."""
