"""How the players move in a training step, with any optimizers; one rule a file."""
