"""Finished runs as data: records, curves, groups, and the summary of a sweep."""
