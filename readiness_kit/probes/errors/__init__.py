"""Errors: provoked on purpose, and followed into answers, logs and tracker."""
