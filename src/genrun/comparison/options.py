"""What a comparison was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from genrun.results.curve import Axis

Split = Literal["held_out", "test"]


@dataclass(frozen=True)
class CompareOptions:
    """Everything that is None has a rule of its own, which the verdict states."""

    by: tuple[str, ...] = ()  # settings or groups that tell contestants apart
    metric: str | None = None
    budget: Axis = "steps"
    at: float | None = None  # of the budget's axis
    target: float | None = None
    baseline: str | None = None  # the contestant that sets the target
    difference: float | None = None  # worth knowing; in the metric's unit
    resamples: int = 10_000
    split: Split | None = None
