"""What a player's loss holds still: whatever the other players make of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

_followed = False


def opponents_no_grad() -> AbstractContextManager[object]:
    """For a part of a player's loss that its own weights have no part in: keeps no graph of it.

    Models use it in place of `torch.no_grad`, so that updates that need to know how a player's
    gradient changes with the others' weights can ask for it (`opponents_with_grad`).
    """
    return nullcontext() if _followed else torch.no_grad()


@contextmanager
def opponents_with_grad() -> Iterator[None]:
    """While open, losses keep the graph of everything."""
    global _followed
    _followed = True
    try:
        yield
    finally:
        _followed = False
