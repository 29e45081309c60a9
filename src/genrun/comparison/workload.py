"""One workload: every contestant by itself, and then two at a time."""

from __future__ import annotations

import math
from dataclasses import replace

from genrun.comparison.contestants import Contestant
from genrun.comparison.entries import WorkloadEntry
from genrun.comparison.naming import unit_of
from genrun.comparison.options import CompareOptions, Split
from genrun.comparison.pairwise import Side, compare_all, number_of_pairs
from genrun.comparison.quality import budget_of, quality_at, quality_at_end, spent_by
from genrun.comparison.sentences import of_pair
from genrun.comparison.time_to_target import target_of, times_to
from genrun.comparison.tuning_cost import tuning_of
from genrun.comparison.verdict import ContestantResult, Threshold, WorkloadVerdict
from genrun.core.errors import ConfigError
from genrun.core.formatting import format_amount


def compare_workload(
    entry: WorkloadEntry, asked: CompareOptions, baseline: str | None
) -> WorkloadVerdict:
    """`baseline` is a label. Raises `ConfigError` where what was asked does not suit it."""
    split = _split(entry, asked)
    budget = budget_of(entry.contenders, entry.metric, asked) if split == "held_out" else None
    target = target_of(entry.contenders, entry.metric, asked, baseline)
    standings = [_standing(one, entry, split, budget, target, asked) for one in entry.contenders]
    standings.sort(key=_mean)
    sides = [
        Side(one, quality)
        for one in standings
        if (quality := one.at_budget or one.at_end) is not None
    ]
    by_label = {side.standing.label: side for side in sides}
    number = number_of_pairs(sides)
    images = "test images" if split == "test" else "held-out images"
    at = "" if budget is None else f" at {format_amount(asked.budget, budget.value)}"
    return WorkloadVerdict(
        label=entry.label,
        metric=entry.metric,
        unit=unit_of(entry.metric),
        split=split,
        judged=f"{entry.metric} on {images}{at}",
        budget=budget,
        worst=entry.worst,
        target=target,
        standings=standings,
        pairs=[
            replace(pair, sentence=of_pair(pair, by_label, entry.metric, number))
            for pair in compare_all(sides, entry.worst, asked.difference)
        ],
    )


def _split(entry: WorkloadEntry, asked: CompareOptions) -> Split:
    """The test split where every run that stands for somebody was measured there.

    Raises `ConfigError` where it was asked for and one was not.
    """
    sound = [run for one in entry.contenders for run in one.sound]
    without = [run.name for run in sound if entry.metric not in run.test]
    if asked.split == "test" and without:
        raise ConfigError(
            f"split=test: {without[0]} has no {entry.metric} on test images; must be held_out "
            "for runs that are not of genrun prove"
        )
    if asked.split is not None:
        return asked.split
    bounded = asked.at is not None  # what was measured at the end says nothing of a budget
    return "test" if sound and not without and not bounded else "held_out"


def _standing(
    one: Contestant,
    entry: WorkloadEntry,
    split: Split,
    budget: Threshold | None,
    target: Threshold | None,
    asked: CompareOptions,
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
        at_budget=None if budget is None else quality_at(one, metric, budget, worst, asked),
        at_end=quality_at_end(one, metric, split, worst, asked.resamples),
        times={} if target is None else times_to(one, metric, target),
        spent=spent_by(one),
        tuning=tuning_of(one, entry.spaces[one.label], metric),
    )


def _mean(standing: ContestantResult) -> float:
    quality = standing.at_budget or standing.at_end
    return math.inf if quality is None else quality.mean.value
