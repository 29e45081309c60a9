"""A sweep that chooses its points as it learns. Optuna chooses; plan, ledger and jobs are ours."""
