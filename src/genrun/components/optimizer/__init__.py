"""Optimizers that no library has: different update rules for different parameters."""
