"""Gradients through the other players' networks, which a player's loss normally does not need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

_with_grad = False


def opponents_no_grad() -> AbstractContextManager[object]:
    """Context for the part of a player's loss that its own weights do not affect.

    Models use it in place of `torch.no_grad`: it keeps no graph, except inside
    `opponents_with_grad`, which update rules open to differentiate a player's gradient with
    respect to the other players' weights.
    """
    return nullcontext() if _with_grad else torch.no_grad()


@contextmanager
def opponents_with_grad() -> Iterator[None]:
    """Context in which losses keep the graph of all players' networks."""
    global _with_grad
    _with_grad = True
    try:
        yield
    finally:
        _with_grad = False
