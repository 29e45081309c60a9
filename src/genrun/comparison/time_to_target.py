"""Time to a target that was set before the comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from genrun.comparison.contestants import Contestant, value_of
from genrun.comparison.options import CompareOptions
from genrun.comparison.quality import totals_of
from genrun.comparison.verdict import Threshold, TimeToTarget
from genrun.core.errors import ConfigError
from genrun.results.curve import AXES, Axis


def target_of(
    contenders: Sequence[Contestant], metric: str, asked: CompareOptions, baseline: str | None
) -> Threshold | None:
    """The given one, or the median over the baseline's seeds of its best held-out value.

    Raises `ConfigError` where half of the baseline's runs or more failed.
    """
    if asked.target is not None:
        return Threshold(asked.target, f"target={asked.target:g}, as given")
    own = next((one for one in contenders if one.label == baseline), None)
    if own is None or not own.runs:
        return None
    best = [value_of(run, metric, "held_out") for run in own.runs.values()]
    with np.errstate(invalid="ignore"):
        value = float(np.median(best))
    if not math.isfinite(value):
        raise ConfigError(f"baseline={own.name}: half of its runs failed, so it sets no target")
    rule = f"the median best of {own.name}'s {len(best)} runs on held-out images"
    return Threshold(value, rule)


def times_to(contender: Contestant, metric: str, target: Threshold) -> dict[Axis, TimeToTarget]:
    """By axis; one that its runs say nothing of is left out."""
    found: dict[Axis, TimeToTarget] = {}
    for axis in AXES:
        if contender.runs and not any(map(math.isnan, totals_of(contender, axis))):
            found[axis] = _time(contender, metric, target.value, axis)
    return found


def _time(contender: Contestant, metric: str, target: float, axis: Axis) -> TimeToTarget:
    """Of an even number of runs the median is the lower of the middle two.

    A baseline that sets the target by its median reaches it in half of its runs, and would miss it
    by the mean of the middle two.
    """
    by_seed = {
        seed: math.inf if run.failed else run.curve.time_to(metric, target, axis)
        for seed, run in contender.runs.items()
    }
    median = sorted(by_seed.values())[(len(by_seed) - 1) // 2]
    reached = sum(map(math.isfinite, by_seed.values()))
    return TimeToTarget(by_seed, median, math.isinf(median), reached, len(by_seed))
