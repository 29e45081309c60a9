"""What a chart's axis must hold, and which points a line can do without."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from genrun.core.plotting import Scale, fit_scale
from genrun.report.charts.chart import Point
from genrun.results.curve import Axis, Numbers
from genrun.results.record import RunRecord


# MERGED: A run's values and costs at given steps, whether or not it evaluated there.
def evaluation_steps(runs: Sequence[RunRecord]) -> Numbers:
    return np.unique(np.concatenate([np.empty(0), *(run.curve.spent["steps"] for run in runs)]))


def values_at(run: RunRecord, metric: str, steps: Numbers, worst: float) -> Numbers:
    """The last measured value at each step; after its last evaluation a failed run's is worst."""
    measured = run.curve.of(metric)
    known = np.isfinite(measured)
    own, values = run.curve.spent["steps"][known], measured[known]
    if not len(own):
        return np.full(len(steps), worst if run.failed else math.nan)
    places = np.searchsorted(own, steps, side="right") - 1
    found = np.where(places >= 0, values[np.maximum(places, 0)], math.nan)
    if run.failed:
        found = np.where(steps > own[-1], worst, found)
    return np.asarray(found, np.float64)


def amounts_at(run: RunRecord, axis: Axis, steps: Numbers) -> Numbers:
    """What the run had spent at these steps, beyond its end by the rate that it had."""
    own, spent = run.curve.spent["steps"], run.curve.spent[axis]
    known = np.isfinite(spent)
    if axis == "steps":
        return steps
    if not known.any():
        return np.full(len(steps), math.nan)
    own, spent = np.append(0.0, own[known]), np.append(0.0, spent[known])
    found = np.interp(steps, own, spent)
    if own[-1] > 0:
        found = np.where(steps > own[-1], spent[-1] * steps / own[-1], found)
    return np.asarray(found, np.float64)


T = TypeVar("T")

UNTRAINED = 0.5  # of the values' range, at which the untrained value is cut off


def trained(points: Sequence[Point]) -> list[Point]:
    """Without those before training where they would press all others flat."""
    later = [point for point in points if point.x > 0]
    if not later:
        return list(points)
    size = max(p.y for p in later) - min(p.y for p in later)
    whole = max(p.y for p in points) - min(p.y for p in points)
    return later if size < UNTRAINED * whole else list(points)


def value_scale(points: Sequence[Point]) -> Scale:
    """All values, and of their intervals what leaves the values readable."""
    ends = [end for p in points for end in (p.low, p.high) if end is not None]
    return fit_scale([point.y for point in points], ends, margin=0.06)


def thinned(items: Sequence[T], most: int) -> list[T]:
    """Evenly, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
