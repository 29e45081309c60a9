"""The trials of each contestant: their values and what they cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from genrun.comparison.contestants import Contestant
from genrun.comparison.search_spaces import Space
from genrun.comparison.verdict import TunedTrial, Tuning
from genrun.core.status import RunStatus
from genrun.results.curve import AXES, Axis
from genrun.results.grouping import Configuration
from genrun.results.record import RunRecord
from genrun.statistics.tuning_curve import best_so_far, expected_best

SAMPLING = {
    "random": "at random",
    "qmc": "at random (quasi-Monte Carlo)",
    "tpe": "by TPE, each from those before it",
}


def summarize_tuning(contestant: Contestant, space: Space, metric: str) -> Tuning:
    """Returns the trials with held-out values, in the order in which they began."""
    tried = sorted(filter(_has_ended, contestant.tried), key=_began)
    values = [_value(one, metric) for one in tried]
    costs = [{axis: _cost(one.runs, axis) for axis in AXES} for one in tried]
    spent = list(itertools.accumulate(costs, _add))
    trials = [
        TunedTrial(one.label, one.settings, value, best, cost, math.isinf(value))
        for one, value, best, cost in zip(tried, values, best_so_far(values), spent, strict=True)
    ]
    return Tuning(
        trials=trials,
        sampling=SAMPLING.get(space.sampler, f"{space.sampler}: in the order run"),
        at_random=space.at_random,
        expected_best=expected_best(values) if space.at_random and values else None,
    )


def _value(one: Configuration, metric: str) -> float:
    """Infinite if a run failed or was pruned, or never measured the metric."""
    ended = [run for run in one.runs if not run.left]
    if any(run.pruned for run in ended):
        return math.inf
    values = [run.quality(metric) for run in ended]
    return sum(value / len(values) for value in values)


def _has_ended(one: Configuration) -> bool:
    return not all(run.left for run in one.runs)


def _began(one: Configuration) -> str:
    """The earliest start as ISO 8601 text; empty if no run began."""
    return min((run.started for run in one.runs if run.started), default="")


def _cost(runs: Sequence[RunRecord], axis: Axis) -> float:
    """The cost of all runs that began; NaN if one is not known."""
    return sum(run.training_cost(axis) for run in runs if run.status != RunStatus.MISSING)


def _add(first: Mapping[Axis, float], second: Mapping[Axis, float]) -> dict[Axis, float]:
    return {axis: first[axis] + second[axis] for axis in AXES}
