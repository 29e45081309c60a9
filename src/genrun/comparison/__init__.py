"""From finished runs to a verdict: which is best, for how much compute, and how sure that is."""
