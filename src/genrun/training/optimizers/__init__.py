"""Optimizers: audit of what they move, state dicts, closures, schedule-free weights."""
