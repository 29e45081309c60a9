"""The verdict of one workload: each contestant's results, and the pairwise tests."""

from __future__ import annotations

import math

from genrun.comparison.contestants import Contestant
from genrun.comparison.entries import WorkloadEntry
from genrun.comparison.naming import metric_unit
from genrun.comparison.options import CompareOptions
from genrun.comparison.pairwise import compare_pairs, judged_sides
from genrun.comparison.quality import choose_budget, median_totals, quality_at, quality_at_end
from genrun.comparison.time_to_target import choose_target, measure_times
from genrun.comparison.tuning_cost import summarize_tuning
from genrun.comparison.verdict import ContestantResult, Threshold, WorkloadVerdict
from genrun.core.errors import ConfigError
from genrun.core.formatting import format_amount
from genrun.results.curve import Split


def compare_workload(
    entry: WorkloadEntry, options: CompareOptions, baseline: str | None
) -> WorkloadVerdict:
    """Compares the contestants of a workload; `baseline` is a label.

    Raises `ConfigError` if an option does not apply to its runs.
    """
    split = _split(entry, options)
    budget = (
        choose_budget(entry.contestants, entry.metric, options) if split == "held_out" else None
    )
    target = choose_target(entry.contestants, entry.metric, options, baseline)
    standings = [
        _standing(one, entry, split, budget, target, options) for one in entry.contestants
    ]
    standings.sort(key=_mean)
    sides = judged_sides(standings)
    images = "test images" if split == "test" else "held-out images"
    at = "" if budget is None else f" at {format_amount(options.budget, budget.value)}"
    return WorkloadVerdict(
        label=entry.label,
        metric=entry.metric,
        unit=metric_unit(entry.metric),
        split=split,
        judged=f"{entry.metric} on {images}{at}",
        budget=budget,
        worst=entry.worst,
        target=target,
        standings=standings,
        pairs=compare_pairs(sides, entry.worst, options.difference),
    )


def _split(entry: WorkloadEntry, options: CompareOptions) -> Split:
    """Returns the test split if every run that counts was measured on it.

    Raises `ConfigError` if it was chosen and a run has no test value.
    """
    sound = [run for one in entry.contestants for run in one.sound]
    without = [run.name for run in sound if entry.metric not in run.test]
    if options.split == "test" and without:
        raise ConfigError(
            f"split=test: {without[0]} has no {entry.metric} on test images; must be held_out "
            "for runs that are not of genrun prove"
        )
    if options.split is not None:
        return options.split
    bounded = options.at is not None  # a test value is of the end of a run, not of a budget
    return "test" if sound and not without and not bounded else "held_out"


def _standing(
    one: Contestant,
    entry: WorkloadEntry,
    split: Split,
    budget: Threshold | None,
    target: Threshold | None,
    options: CompareOptions,
) -> ContestantResult:
    chosen, metric, worst = one.chosen, entry.metric, entry.worst
    return ContestantResult(
        label=one.label,
        name=one.name,
        configuration=one.label if chosen is None else chosen.label,
        settings={} if chosen is None else chosen.settings,
        configurations=len(one.tried),
        confirmed=one.confirmed,
        runs=[run.name for run in one.runs.values()],
        failures={
            run.name: f"{run.status}: {run.reason}" for run in one.runs.values() if run.failed
        },
        left=[run.name for run in one.left],
        at_budget=None if budget is None else quality_at(one, metric, budget, worst, options),
        at_end=quality_at_end(one, metric, split, worst, options.resamples),
        times={} if target is None else measure_times(one, metric, target),
        spent=median_totals(one),
        tuning=summarize_tuning(one, entry.spaces[one.label], metric),
    )


def _mean(standing: ContestantResult) -> float:
    quality = standing.at_budget or standing.at_end
    return math.inf if quality is None else quality.mean.value
