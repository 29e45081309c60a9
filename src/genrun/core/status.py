"""How the reasons of runs begin that other code goes by."""

PRUNED = "pruner: "  # a trial that its search gave up


def is_pruned(status: str, reason: str) -> bool:
    """Whether a run stopped early because it did worse than others: its value is of no end."""
    return status == "stopped_early" and reason.startswith(PRUNED)
