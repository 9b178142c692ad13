"""Errors that were provoked, in answers and at the tracker."""
