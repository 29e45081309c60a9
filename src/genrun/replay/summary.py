"""Outcomes of runs as means with intervals, and the Pareto front of policies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from genrun.replay.outcome import ReplayOutcome
from genrun.statistics.interval import Interval
from genrun.statistics.means import mean_interval, stratified_mean_interval


@dataclass(frozen=True)
class ReplayResult:
    """One set of policies over runs, as means over these with their intervals.

    `lost` and `regret` are in the metric's units, or, over several workloads, fractions of each
    run's improvement. The fields are written to the replay's JSON under their names.
    """

    label: str
    runs: int
    stopped: int
    pending: tuple[int, int] | None  # least and greatest last step of logs without a stop
    step: Interval | None  # over the runs that it stops; None without any
    saved: Interval  # as a fraction of each run's total
    amount: Interval | None  # saved, in units of the axis; None over several workloads
    lost: Interval
    regret: Interval
    optimal: bool = False  # on the Pareto front of saved against lost


@dataclass(frozen=True)
class ReplayPanel:
    """All sets of policies over the runs of one workload, or of all workloads."""

    label: str
    metric: str  # empty over several workloads
    runs: int
    keeping: Interval  # lost by keeping the best checkpoint without stopping; at most 0
    results: list[ReplayResult]

    @property
    def is_relative(self) -> bool:
        """Whether values are fractions of each run's improvement."""
        return not self.metric


def summarize_workload(
    label: str, metric: str, outcomes: Sequence[tuple[str, list[ReplayOutcome]]]
) -> ReplayPanel:
    """Summarizes outcomes by the label of their set, each of the same runs, at least one."""
    results = [_result(name, [runs], _lost, _regret) for name, runs in outcomes]
    runs = outcomes[0][1]
    keeping = mean_interval([run.best - run.last for run in runs])
    return ReplayPanel(label, metric, len(runs), keeping, _mark_front(results))


def summarize_all(outcomes: Sequence[tuple[str, list[list[ReplayOutcome]]]]) -> ReplayPanel | None:
    """Summarizes several workloads with the same weight; None if no run ever improved."""
    improved = [
        (name, [kept for runs in strata if (kept := [r for r in runs if r.improvement > 0])])
        for name, strata in outcomes
    ]
    strata = improved[0][1]
    if not strata:
        return None
    keeping = [[(run.best - run.last) / run.improvement for run in runs] for runs in strata]
    results = [_result(name, kept, _relative_lost, _relative_regret) for name, kept in improved]
    count = sum(map(len, strata))
    label = f"all {len(strata)} workloads"
    return ReplayPanel(label, "", count, stratified_mean_interval(keeping), _mark_front(results))


def _result(
    label: str,
    strata: Sequence[Sequence[ReplayOutcome]],
    lost: Callable[[ReplayOutcome], float],
    regret: Callable[[ReplayOutcome], float],
) -> ReplayResult:
    outcomes = [run for runs in strata for run in runs]
    steps = [float(run.step) for run in outcomes if run.step is not None]
    ends = [run.end for run in outcomes if run.step is None]

    def mean(value: Callable[[ReplayOutcome], float]) -> Interval:
        return stratified_mean_interval([[value(run) for run in runs] for runs in strata])

    return ReplayResult(
        label=label,
        runs=len(outcomes),
        stopped=len(steps),
        pending=(min(ends), max(ends)) if ends else None,
        step=mean_interval(steps) if steps else None,
        saved=_clip(mean(lambda run: run.saved_share), 1.0),
        amount=mean(lambda run: run.saved) if len(strata) == 1 else None,
        lost=mean(lost),
        regret=_clip(mean(regret), None),
    )


def _clip(interval: Interval, most: float | None) -> Interval:
    """Limits the bounds to the values that are possible: from 0 to `most`."""
    if interval.low is None or interval.high is None:
        return interval
    high = interval.high if most is None else min(interval.high, most)
    return replace(interval, low=max(interval.low, 0.0), high=high)


def _lost(run: ReplayOutcome) -> float:
    return run.lost


def _regret(run: ReplayOutcome) -> float:
    return run.regret


def _relative_lost(run: ReplayOutcome) -> float:
    return run.lost / run.improvement


def _relative_regret(run: ReplayOutcome) -> float:
    return run.regret / run.improvement


def _mark_front(results: Sequence[ReplayResult]) -> list[ReplayResult]:
    """Marks the Pareto front of saved against lost, by their means.

    A set that stops no run is not on it.
    """
    return [
        replace(
            result,
            optimal=result.stopped > 0 and not any(_dominates(other, result) for other in results),
        )
        for result in results
    ]


def _dominates(first: ReplayResult, second: ReplayResult) -> bool:
    saves, loses = first.saved.value - second.saved.value, second.lost.value - first.lost.value
    return saves >= 0 and loses >= 0 and (saves > 0 or loses > 0)
