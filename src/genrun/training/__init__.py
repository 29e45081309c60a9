"""The step, the loop and what they need. Knows protocols, never a concrete choice."""
