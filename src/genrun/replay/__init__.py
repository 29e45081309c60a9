"""Stopping policies replayed over finished runs: what each would have saved and lost."""
