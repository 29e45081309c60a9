"""Outcomes of single runs as means with intervals, and which policies no other one beats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from genrun.replay.outcome import Outcome
from genrun.statistics.interval import Interval
from genrun.statistics.means import mean_interval, stratified_mean_interval


@dataclass(frozen=True)
class ReplayResult:
    """One set of policies over runs; the intervals are of means over these.

    `lost` and `regret` are in the metric's units, or, over several workloads, as shares of how far
    each run got from its start.
    """

    label: str
    runs: int
    stopped: int
    pending: tuple[int, int] | None  # steps at which logs end before it stops: least, most
    step: Interval | None  # over the runs that it stops
    saved: Interval  # a share of each run's total
    amount: Interval | None  # in the axis' units; None over several workloads
    lost: Interval
    regret: Interval
    optimal: bool = False  # no other one saves as much and loses less, or more for the same


@dataclass(frozen=True)
class Panel:
    """All sets over the runs of one workload, or of all."""

    label: str
    metric: str  # empty over several workloads
    runs: int
    keeping: Interval  # lost by running on and keeping the best checkpoint: below 0
    results: list[ReplayResult]

    @property
    def relative(self) -> bool:
        return not self.metric


def of_workload(label: str, metric: str, outcomes: Sequence[tuple[str, list[Outcome]]]) -> Panel:
    """`outcomes` by the label of their set, each of the same runs, at least one."""
    results = [_result(name, [runs], _lost, _regret) for name, runs in outcomes]
    runs = outcomes[0][1]
    keeping = mean_interval([each.best - each.last for each in runs])
    return Panel(label, metric, len(runs), keeping, _marked(results))


def of_all(outcomes: Sequence[tuple[str, list[list[Outcome]]]]) -> Panel | None:
    """Over several workloads, each with the same weight. None where no run ever fell."""
    fallen = [
        (name, [own for runs in strata if (own := [each for each in runs if each.fall > 0])])
        for name, strata in outcomes
    ]
    strata = fallen[0][1]
    if not strata:
        return None
    keeping = [[(each.best - each.last) / each.fall for each in runs] for runs in strata]
    results = [_result(name, own, _relative_lost, _relative_regret) for name, own in fallen]
    count = sum(map(len, strata))
    label = f"all {len(strata)} workloads"
    return Panel(label, "", count, stratified_mean_interval(keeping), _marked(results))


def _result(
    label: str,
    strata: Sequence[Sequence[Outcome]],
    lost: Callable[[Outcome], float],
    regret: Callable[[Outcome], float],
) -> ReplayResult:
    every = [each for runs in strata for each in runs]
    steps = [float(each.step) for each in every if each.step is not None]
    ends = [each.end for each in every if each.step is None]

    def mean(value: Callable[[Outcome], float]) -> Interval:
        return stratified_mean_interval([[value(each) for each in runs] for runs in strata])

    return ReplayResult(
        label=label,
        runs=len(every),
        stopped=len(steps),
        pending=(min(ends), max(ends)) if ends else None,
        step=mean_interval(steps) if steps else None,
        saved=_within(mean(lambda each: each.saved_share), 1.0),
        amount=mean(lambda each: each.saved) if len(strata) == 1 else None,
        lost=mean(lost),
        regret=_within(mean(regret), None),
    )


def _within(interval: Interval, most: float | None) -> Interval:
    """Bounds no wider than the value itself can be: from 0, to `most`."""
    if interval.low is None or interval.high is None:
        return interval
    high = interval.high if most is None else min(interval.high, most)
    return replace(interval, low=max(interval.low, 0.0), high=high)


def _lost(each: Outcome) -> float:
    return each.lost


def _regret(each: Outcome) -> float:
    return each.regret


def _relative_lost(each: Outcome) -> float:
    return each.lost / each.fall


def _relative_regret(each: Outcome) -> float:
    return each.regret / each.fall


def _marked(results: Sequence[ReplayResult]) -> list[ReplayResult]:
    """With the Pareto front of saved against lost marked, by their means.

    One that stops no run is no better than running on, and is not on it.
    """
    return [
        replace(one, optimal=one.stopped > 0 and not any(_beats(other, one) for other in results))
        for one in results
    ]


def _beats(first: ReplayResult, second: ReplayResult) -> bool:
    saves, loses = first.saved.value - second.saved.value, second.lost.value - first.lost.value
    return saves >= 0 and loses >= 0 and (saves > 0 or loses > 0)
