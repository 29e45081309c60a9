"""Results over several workloads, from values normalized in each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from genrun.comparison.contestants import Contestant
from genrun.comparison.entries import WorkloadEntry
from genrun.comparison.naming import short_names
from genrun.comparison.options import CompareOptions
from genrun.comparison.pairwise import MOST_CONTESTANTS
from genrun.comparison.quality import SEED
from genrun.comparison.verdict import Aggregate, Overall, OverallPair, Quality, WorkloadVerdict
from genrun.statistics.means import iqm_interval, stratified_mean_interval
from genrun.statistics.paired_tests import improvement_by_seed
from genrun.statistics.profiles import algoperf_score, performance_profile, score_profile
from genrun.statistics.rank_tests import average_improvements

R_MAX = 4.0  # AlgoPerf's
RATIOS = [round(float(ratio), 6) for ratio in np.linspace(1.0, R_MAX, 61)]
MARKS = [round(float(mark), 6) for mark in np.linspace(0.0, 1.0, 101)]
NORMALIZATION = (
    "values normalized in each workload: 0 is the lowest of all compared runs, 1 the median of "
    "their first evaluations; what is above, failures among it, counts as 1"
)


def aggregate_workloads(
    entries: Sequence[WorkloadEntry], verdicts: Sequence[WorkloadVerdict], options: CompareOptions
) -> Aggregate | None:
    """Aggregates the workloads in which every contestant has values; None with fewer than two."""
    qualities = [_qualities(verdict) for verdict in verdicts]
    labels = list(dict.fromkeys(label for found in qualities for label in found))
    complete = [place for place, found in enumerate(qualities) if len(found) == len(labels)]
    if len(complete) < 2 or not labels:
        return None
    scaled = [_normalized(qualities[place], entries[place]) for place in complete]
    scores, reached = _profiles(labels, [verdicts[place] for place in complete], options)
    names = short_names(labels)
    standings = []
    for label in labels:
        strata = [list(one[label].values()) for one in scaled]
        standings.append(
            Overall(
                label=label,
                name=names[label],
                mean=stratified_mean_interval(strata),
                interquartile_mean=iqm_interval(strata, options.resamples, SEED),
                score=scores.get(label),
                reached=reached.get(label),
                within=score_profile(strata, MARKS),
            )
        )
    standings.sort(key=lambda one: one.mean.value)
    order = [one.label for one in standings]
    pairs = _pairs(order, [qualities[place] for place in complete])
    return Aggregate(
        workloads=[verdicts[place].label for place in complete],
        normalization=NORMALIZATION,
        standings=standings,
        pairs=pairs,
        ratios=RATIOS,
        marks=MARKS,
    )


def _qualities(verdict: WorkloadVerdict) -> dict[str, Quality]:
    """The values that the workload's pairs compare, by contestant."""
    found = {one.label: one.at_budget or one.at_end for one in verdict.standings}
    return {label: quality for label, quality in found.items() if quality is not None}


def _normalized(
    qualities: Mapping[str, Quality], entry: WorkloadEntry
) -> dict[str, dict[int, float]]:
    """By contestant and seed, from 0 to 1."""
    values = [value for one in qualities.values() for value in one.values.values()]
    known = [value for value in values if math.isfinite(value)]
    firsts = [first for one in entry.contestants for first in _firsts(one, entry.metric)]
    low = min(known, default=0.0)
    high = float(np.median(firsts)) if firsts else max(known, default=low)
    if not high > low:
        high = max(known, default=low)
    return {
        label: {seed: _scaled(value, low, high) for seed, value in one.values.items()}
        for label, one in qualities.items()
    }


def _firsts(contestant: Contestant, metric: str) -> list[float]:
    curves = (run.curve.measured(metric) for run in contestant.runs.values())
    measured = (curve[np.isfinite(curve)] for curve in curves)
    return [float(values[0]) for values in measured if len(values)]


def _scaled(value: float, low: float, high: float) -> float:
    if math.isinf(value):
        return 1.0
    if not high > low:
        return 0.0
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _profiles(
    labels: Sequence[str], verdicts: Sequence[WorkloadVerdict], options: CompareOptions
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Score and performance profile by contestant; empty if a time is not known."""
    times: dict[str, list[float]] = {label: [] for label in labels}
    for verdict in verdicts:
        for one in verdict.standings:
            if options.budget in one.times:
                times[one.label].append(one.times[options.budget].median)
    if any(len(own) < len(verdicts) for own in times.values()):
        return {}, {}
    return algoperf_score(times, R_MAX), performance_profile(times, RATIOS)


def _pairs(labels: Sequence[str], qualities: Sequence[Mapping[str, Quality]]) -> list[OverallPair]:
    found = []
    for first, second in itertools.combinations(labels[:MOST_CONTESTANTS], 2):
        each = [improvement_by_seed(one[first].values, one[second].values) for one in qualities]
        found.append(OverallPair(first, second, average_improvements(each)))
    return found
