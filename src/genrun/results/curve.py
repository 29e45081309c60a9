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
    """One entry for each evaluation, in the order of steps; arrays have the shape (evaluations,).

    `cost` is the training cost until then, by axis: steps, examples, FLOPs, and seconds of
    training alone, without evaluation and saving; NaN if unknown. `values` are the
    held-out values by name, NaN if an evaluation did not measure one.
    """

    cost: Mapping[Axis, Numbers]
    values: Mapping[str, Numbers]

    @property
    def names(self) -> list[str]:
        return list(self.values)

    def measured(self, metric: str) -> Numbers:
        """The value at each evaluation; all NaN if it was never measured."""
        found = self.values.get(metric)
        return np.full(len(self.cost["steps"]), math.nan) if found is None else found

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
        """The cost at the first evaluation at or below the target; infinite if there is none."""
        reached = np.flatnonzero(self.measured(metric) <= target)
        if len(reached) == 0:
            return math.inf
        cost = float(self.cost[axis][reached[0]])
        return math.inf if math.isnan(cost) else cost

    def total(self, axis: Axis) -> float:
        """The cost at the last evaluation; NaN if there is none or it is unknown."""
        cost = self.cost[axis]
        return float(cost[-1]) if len(cost) else math.nan

    def within(self, axis: Axis, budget: float) -> NDArray[np.bool_]:
        """Which evaluations are within a budget; all are within an infinite one."""
        if budget == math.inf:
            return np.ones(len(self.cost[axis]), bool)
        with np.errstate(invalid="ignore"):
            return np.asarray(self.cost[axis] <= budget)
