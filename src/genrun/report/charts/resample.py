"""Values of runs at common steps, the points that a line needs, and the scale for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from genrun.core.plotting import Scale, fit_scale
from genrun.report.charts.chart import Point
from genrun.results.curve import Axis, Numbers
from genrun.results.record import RunRecord

T = TypeVar("T")

MOST_POINTS = 60  # of a line: what a screen shows and a page can hold
UNTRAINED = 0.5  # of all values' range: if the trained ones have less, the first is left out


def collect_steps(runs: Sequence[RunRecord]) -> Numbers:
    """Returns the steps of all evaluations of all runs, ascending."""
    return np.unique(np.concatenate([np.empty(0), *(run.curve.cost["steps"] for run in runs)]))


def hold_last_values(run: RunRecord, metric: str, steps: Numbers, worst: float) -> Numbers:
    """Returns a run's last measured value at each step, `worst` after a failed run's end.

    NaN before its first evaluation.
    """
    measured = run.curve.measured(metric)
    known = np.isfinite(measured)
    own_steps, values = run.curve.cost["steps"][known], measured[known]
    if not len(own_steps):
        return np.full(len(steps), worst if run.failed else math.nan)
    indices = np.searchsorted(own_steps, steps, side="right") - 1
    held = np.where(indices >= 0, values[np.maximum(indices, 0)], math.nan)
    if run.failed:
        held = np.where(steps > own_steps[-1], worst, held)
    return np.asarray(held, np.float64)


def interpolate_amounts(run: RunRecord, axis: Axis, steps: Numbers) -> Numbers:
    """Returns what training had taken at these steps, extrapolated beyond the run's end."""
    known = np.isfinite(run.curve.cost[axis])
    if axis == "steps":
        return steps
    if not known.any():
        return np.full(len(steps), math.nan)
    own_steps = np.append(0.0, run.curve.cost["steps"][known])
    amounts = np.append(0.0, run.curve.cost[axis][known])
    found = np.interp(steps, own_steps, amounts)
    if own_steps[-1] > 0:
        rate = amounts[-1] / own_steps[-1]
        found = np.where(steps > own_steps[-1], rate * steps, found)
    return np.asarray(found, np.float64)


def drop_untrained(points: Sequence[Point]) -> list[Point]:
    """The points without those before training if these would compress all others."""
    later = [point for point in points if point.x > 0]
    if not later:
        return list(points)
    size = max(p.y for p in later) - min(p.y for p in later)
    full = max(p.y for p in points) - min(p.y for p in points)
    return later if size < UNTRAINED * full else list(points)


def make_value_scale(points: Sequence[Point]) -> Scale:
    """A scale for all values, and for their intervals as far as the values stay readable."""
    ends = [end for p in points for end in (p.low, p.high) if end is not None]
    return fit_scale([point.y for point in points], ends, margin=0.06)


def thin_out(items: Sequence[T], most: int) -> list[T]:
    """At most `most` of the items at even distances, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
