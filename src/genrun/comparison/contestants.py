"""A contestant as it enters a comparison: what it tried, and the runs that stand for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from genrun.comparison.options import Split
from genrun.results.curve import Axis
from genrun.results.grouping import Configuration, Workload
from genrun.results.record import RunRecord
from genrun.runs import layout


@dataclass(frozen=True)
class Contestant:
    """`chosen` stands for it. None: no run of it has ended."""

    label: str
    name: str
    tried: list[Configuration]
    chosen: Configuration | None
    runs: Mapping[int, RunRecord]  # of the chosen one, by seed; failed ones among them
    left: list[RunRecord]
    confirmed: bool  # whether its runs are others than those by which it was chosen

    @property
    def sound(self) -> list[RunRecord]:
        return [run for run in self.runs.values() if run.counts]

    @property
    def unmeasured(self) -> list[RunRecord]:
        """Sound ones that never measured what all are judged by."""
        runs = [] if self.chosen is None else self.chosen.by_seed().values()
        return [run for run in runs if run.seed not in self.runs]


def worst_of(workload: Workload) -> float | None:
    """The highest value that any run of it ever had, at its first evaluation included."""
    metric = workload.metric
    values = [run.curve.worst(metric) for run in workload.records]
    values += [run.test[metric] for run in workload.records if metric in run.test]
    return max(filter(math.isfinite, values), default=None)


def contender_of(
    label: str,
    name: str,
    configurations: Sequence[Configuration],
    metric: str,
    worst: float | None,
) -> Contestant:
    """Of a proof the re-run winner; else the lowest mean on held-out images.

    Only configurations with at least half as many seeds as the most that one has can stand for
    it: else the luckiest of single runs would, beside one that was repeated.
    """
    final = _of_stage(configurations, layout.FINAL)
    tuned = _of_stage(configurations, layout.TUNING)
    judged = final or list(configurations)
    seeds = {one.label: usable_runs(one, metric) for one in judged}
    most = max(map(len, seeds.values()), default=0)
    chosen = min(
        (one for one in judged if len(seeds[one.label]) > 0 and 2 * len(seeds[one.label]) >= most),
        key=lambda one: _mean(seeds[one.label], metric, worst),
        default=None,
    )
    return Contestant(
        label=label,
        name=name,
        tried=tuned or list(configurations),
        chosen=chosen,
        runs={} if chosen is None else seeds[chosen.label],
        left=[run for one in configurations for run in one.runs if run.left],
        confirmed=bool(final) or len(configurations) == 1,
    )


def usable_runs(configuration: Configuration, metric: str) -> dict[int, RunRecord]:
    """By seed: those that failed, and of the others those that ever measured the metric."""
    return {
        seed: run
        for seed, run in configuration.by_seed().items()
        if run.failed or metric in run.test or math.isfinite(run.curve.best(metric))
    }


def value_of(
    run: RunRecord, metric: str, split: Split, axis: Axis = "steps", at: float = math.inf
) -> float:
    """The best within a budget, as the kept best checkpoint has it; infinite for a failure."""
    if run.failed:
        return math.inf
    return run.test.get(metric, math.inf) if split == "test" else run.curve.best(metric, axis, at)


def filled(values: Mapping[int, float], worst: float | None) -> dict[int, float]:
    """With the worst value in place of failures, so that a mean can be taken."""
    return {
        seed: worst if worst is not None and math.isinf(value) else value
        for seed, value in values.items()
    }


def _mean(runs: Mapping[int, RunRecord], metric: str, worst: float | None) -> float:
    values = {seed: value_of(run, metric, "held_out") for seed, run in runs.items()}
    return sum(value / len(values) for value in filled(values, worst).values())


def _of_stage(configurations: Sequence[Configuration], stage: str) -> list[Configuration]:
    found = []
    for one in configurations:
        if runs := [run for run in one.runs if run.stage == stage]:
            found.append(replace(one, runs=runs))
    return found
