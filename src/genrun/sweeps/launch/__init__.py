"""Running the jobs of a sweep as processes, or through a launcher of Hydra."""
