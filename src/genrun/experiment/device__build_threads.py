"""How many threads a run has that asks for no number of its own."""

from __future__ import annotations

import torch

_available = torch.get_num_threads()  # what torch found when it was imported


def available_threads() -> int:
    return _available


def share_threads(count: int) -> None:
    """This process may use so many: others train beside it."""
    global _available
    _available = count
    torch.set_num_threads(count)
