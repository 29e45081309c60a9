"""What follows a run beside its folder, one tracker a file. Each imports its package late."""
