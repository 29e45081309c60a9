"""The options of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.results.curve import Axis, Split


@dataclass(frozen=True)
class CompareOptions:
    """Options of `genrun compare`; what is None is chosen by a rule that the verdict states."""

    by: tuple[str, ...] = ()  # settings or groups that tell contestants apart
    metric: str | None = None
    budget: Axis = "steps"
    at: float | None = None  # of the budget's axis
    target: float | None = None
    baseline: str | None = None  # the contestant that sets the target
    difference: float | None = None  # worth knowing; in the metric's unit
    resamples: int = 10_000
    split: Split | None = None
