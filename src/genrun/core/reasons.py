"""How the reasons of runs begin that other code goes by."""

PRUNED = "pruner: "  # a trial that its search gave up
