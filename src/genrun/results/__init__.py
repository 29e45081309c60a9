"""What finished runs say: read from their folders, and arranged to be compared."""
