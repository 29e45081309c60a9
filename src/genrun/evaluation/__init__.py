"""Everything that `genrun evaluate` measures of a run, and the final test images."""
