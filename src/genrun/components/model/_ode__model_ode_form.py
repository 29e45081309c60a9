"""What equations and their solvers look like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
"""dx/ds of x, (batch, values), at the times s, (batch,)."""


@dataclass(frozen=True)
class Precision:
    """How closely a solver follows. Each takes what it needs of it."""

    steps: int  # all of one length
    tolerance: float  # of one step's error, relative and absolute


Solver = Callable[[Velocity, Tensor, Precision], Tensor]
"""From x at s = 0, (batch, values), to x at s = 1."""
