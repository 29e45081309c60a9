"""A sweep that chooses its points as it learns: Optuna chooses them, genrun runs them."""
