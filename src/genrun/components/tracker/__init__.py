"""Trackers, one service a file; each imports its package when a run starts."""
