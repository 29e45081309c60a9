"""What a finished run is worth: everything that `genrun evaluate` measures."""
