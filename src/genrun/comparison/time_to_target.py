"""Cost until a target value is reached, on each axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from genrun.comparison.contestants import Contestant
from genrun.comparison.options import CompareOptions
from genrun.comparison.quality import training_totals
from genrun.comparison.verdict import Threshold, TimeToTarget
from genrun.core.errors import ConfigError
from genrun.results.curve import AXES, Axis


def choose_target(
    contestants: Sequence[Contestant], metric: str, options: CompareOptions, baseline: str | None
) -> Threshold | None:
    """Returns `target`, or the median best held-out value of the baseline's runs.

    Raises `ConfigError` if half of the baseline's runs or more failed.
    """
    if options.target is not None:
        return Threshold(options.target, f"target={options.target:g}, as given")
    own = next((one for one in contestants if one.label == baseline), None)
    if own is None or not own.runs:
        return None
    best = [run.quality(metric) for run in own.runs.values()]
    with np.errstate(invalid="ignore"):
        value = float(np.median(best))
    if not math.isfinite(value):
        raise ConfigError(f"baseline={own.name}: half of its runs failed, so it sets no target")
    rule = f"the median best of {own.name}'s {len(best)} runs on held-out images"
    return Threshold(value, rule)


def measure_times(
    contestant: Contestant, metric: str, target: Threshold
) -> dict[Axis, TimeToTarget]:
    """Returns the time to the target on each axis whose costs are known."""
    found: dict[Axis, TimeToTarget] = {}
    for axis in AXES:
        if contestant.runs and not any(map(math.isnan, training_totals(contestant, axis))):
            found[axis] = _time(contestant, metric, target.value, axis)
    return found


def _time(contestant: Contestant, metric: str, target: float, axis: Axis) -> TimeToTarget:
    """Uses the lower of the two middle values as the median of an even number of runs.

    A baseline whose median is the target reaches it in half of its runs, and would miss it by the
    mean of the middle two.
    """
    by_seed = {
        seed: math.inf if run.failed else run.curve.time_to(metric, target, axis)
        for seed, run in contestant.runs.items()
    }
    median = sorted(by_seed.values())[(len(by_seed) - 1) // 2]
    reached = sum(map(math.isfinite, by_seed.values()))
    return TimeToTarget(by_seed, median, math.isinf(median), reached, len(by_seed))
