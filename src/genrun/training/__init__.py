"""The training step, the loop and their state. Knows protocols, never a concrete choice."""
