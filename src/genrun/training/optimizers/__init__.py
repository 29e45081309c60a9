"""Optimizers as the loop sees them: audit, state, closures, schedule-free weights."""
