"""Contestants: the configurations that each tried, and the one that represents it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from genrun.results.grouping import Configuration, fill_failures
from genrun.results.record import RunRecord
from genrun.runs import layout


@dataclass(frozen=True)
class Contestant:
    """A contestant of a workload, represented by its best configuration."""

    label: str
    name: str
    tried: list[Configuration]
    chosen: Configuration | None  # None: no run of it has ended
    runs: Mapping[int, RunRecord]  # of the chosen configuration by seed, including failures
    left: list[RunRecord]  # runs that have not begun or not ended
    confirmed: bool  # whether the chosen configuration was selected by other runs than these

    @property
    def sound(self) -> list[RunRecord]:
        return [run for run in self.runs.values() if run.counts]

    @property
    def unmeasured(self) -> list[RunRecord]:
        """Runs of the chosen configuration that never measured the workload's metric."""
        runs = [] if self.chosen is None else self.chosen.by_seed().values()
        return [run for run in runs if run.seed not in self.runs]


def build_contestant(
    label: str,
    name: str,
    configurations: Sequence[Configuration],
    metric: str,
    worst: float | None,
) -> Contestant:
    """Represents a contestant by a proof's re-run winner, else by its lowest held-out mean.

    Only configurations with at least half of the largest number of seeds are considered, so that
    the luckiest single run is not preferred to a repeated one.
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
    """The runs that failed or measured the metric, by seed."""
    return {
        seed: run
        for seed, run in configuration.by_seed().items()
        if run.failed or run.has_measured(metric)
    }


def _mean(runs: Mapping[int, RunRecord], metric: str, worst: float | None) -> float:
    values = {seed: run.quality(metric) for seed, run in runs.items()}
    return sum(value / len(values) for value in fill_failures(values, worst).values())


def _of_stage(configurations: Sequence[Configuration], stage: str) -> list[Configuration]:
    found = []
    for one in configurations:
        if runs := [run for run in one.runs if run.stage == stage]:
            found.append(replace(one, runs=runs))
    return found
