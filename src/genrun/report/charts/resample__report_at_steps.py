"""A run's values and costs at given steps, whether or not it evaluated there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from genrun.results.curve import Axis, Numbers
from genrun.results.record import RunRecord


def steps_of(runs: Sequence[RunRecord]) -> Numbers:
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


def spent_at(run: RunRecord, axis: Axis, steps: Numbers) -> Numbers:
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
