"""Several runs as one: the jobs of a multirun."""
