"""A run's evaluations as arrays: held-out values, and the training cost at each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Axis = Literal["steps", "seconds", "examples", "flops"]
Split = Literal["held_out", "test"]
AXES: tuple[Axis, ...] = get_args(Axis)

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One entry an evaluation, in the order of steps, each array of shape (evaluations,).

    `spent` has what training had taken by then, by axis: steps, examples, FLOPs, and seconds of
    training alone, evaluation and saving left out; NaN where the run does not say. `values` are
    held-out values by name, NaN where that evaluation did not measure one.
    """

    spent: Mapping[Axis, Numbers]
    values: Mapping[str, Numbers]

    @property
    def names(self) -> list[str]:
        return list(self.values)

    def measured(self, metric: str) -> Numbers:
        """All NaN where it was never measured."""
        found = self.values.get(metric)
        return np.full(len(self.spent["steps"]), math.nan) if found is None else found

    def best_so_far(self, metric: str) -> Numbers:
        """The lowest value up to each evaluation; infinite before the first."""
        values = self.measured(metric)
        return np.minimum.accumulate(np.where(np.isfinite(values), values, math.inf))

    def best(self, metric: str, axis: Axis = "steps", budget: float = math.inf) -> float:
        """The lowest value within a budget; infinite if none was measured within it."""
        within = self.best_so_far(metric)[self.within(axis, budget)]
        return float(within[-1]) if len(within) else math.inf

    def last(self, metric: str, axis: Axis = "steps", budget: float = math.inf) -> float:
        """The last value within a budget; infinite if none was measured within it."""
        values = self.measured(metric)[self.within(axis, budget)]
        measured = values[np.isfinite(values)]
        return float(measured[-1]) if len(measured) else math.inf

    def worst(self, metric: str) -> float:
        """The highest value ever measured; minus infinity without any."""
        values = self.measured(metric)
        return float(np.max(values, initial=-math.inf, where=np.isfinite(values)))

    def time_to(self, metric: str, target: float, axis: Axis) -> float:
        """What was spent at the first evaluation at or under the target; infinite for a miss."""
        reached = np.flatnonzero(self.measured(metric) <= target)
        if len(reached) == 0:
            return math.inf
        spent = float(self.spent[axis][reached[0]])
        return math.inf if math.isnan(spent) else spent

    def total(self, axis: Axis) -> float:
        """What was spent at the last evaluation; NaN if there is none or it is not known."""
        spent = self.spent[axis]
        return float(spent[-1]) if len(spent) else math.nan

    def within(self, axis: Axis, budget: float) -> NDArray[np.bool_]:
        """Which evaluations are within a budget; all are within an infinite one."""
        if budget == math.inf:
            return np.ones(len(self.spent[axis]), bool)
        with np.errstate(invalid="ignore"):
            return np.asarray(self.spent[axis] <= budget)
