"""The summary of a sweep: tables, files and chart."""
