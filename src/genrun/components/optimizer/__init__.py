"""Optimizers that no library provides: different update rules for different parameters."""
