"""What a component of each config group provides."""
