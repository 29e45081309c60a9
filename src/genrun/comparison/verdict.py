"""A verdict as dataclasses: every number of its tables, of verdict.json and of the report.

Field names are the keys of verdict.json. Lower is better for every value. Infinite values are
failures or misses; in JSON they are null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from genrun.comparison.options import CompareOptions
from genrun.results.curve import Axis, Split
from genrun.statistics.interval import Interval


@dataclass(frozen=True)
class Quality:
    """Values of a contestant's runs. A failure counts as the workload's worst value in means."""

    values: Mapping[int, float]  # by seed; infinite: failed
    mean: Interval
    interquartile_mean: Interval
    failed: int

    @property
    def seeds(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class TimeToTarget:
    """The cost up to the first evaluation at or below the target, on one axis."""

    by_seed: Mapping[int, float]  # infinite: a miss
    median: float  # by when half of the runs had reached it; infinite if fewer ever did
    missed: bool  # whether the median is a miss
    reached: int
    runs: int


@dataclass(frozen=True)
class TunedTrial:
    """A configuration that was tried, in the order in which trials began."""

    label: str
    settings: Mapping[str, str]
    value: float  # mean of its runs; infinite if one failed or was pruned
    best_so_far: float
    spent: Mapping[Axis, float]  # by this trial and all before it; NaN if not known
    failed: bool


@dataclass(frozen=True)
class Tuning:
    """The search for a contestant's best configuration."""

    trials: list[TunedTrial]
    sampling: str  # how they were chosen, for a person
    at_random: bool
    expected_best: list[float] | None  # of n = 1, 2, … trials; None unless they were at random


@dataclass(frozen=True)
class ContestantResult:
    """A contestant in a workload, represented by its best configuration."""

    label: str  # optimizer=adam
    name: str  # adam
    configuration: str
    settings: Mapping[str, str]  # of the configuration: what differs within the contestant
    configurations: int
    confirmed: bool  # whether it was selected by other runs than these
    runs: list[str]  # names of those that count, failures among them
    failures: Mapping[str, str]  # why, by the run's name
    left: list[str]  # runs that have not ended; they do not count
    at_budget: Quality | None  # None on the test split, or if no run has ended
    at_end: Quality | None
    times: Mapping[Axis, TimeToTarget]  # empty without a target
    spent: Mapping[Axis, float]  # median of its sound runs; NaN if not known
    tuning: Tuning


@dataclass(frozen=True)
class Pair:
    """Two contestants; the first has the lower mean."""

    first: str  # labels
    second: str
    pairs: int  # seeds that both have; 0: compared as unpaired
    difference: Interval  # second minus first
    p_value: float | None
    adjusted: float | None  # by Holm, over all pairs of the workload
    improvement: Interval  # probability that a run of the first is lower than one of the second
    decided: bool
    more_seeds: int | None  # that would decide `worth`, if undecided; None: no such number
    worth: float | None  # the difference that they would decide


@dataclass(frozen=True)
class Threshold:
    """A number and the rule that it comes from."""

    value: float
    rule: str


@dataclass(frozen=True)
class WorkloadVerdict:
    """The results of one workload: contestants and their pairs."""

    label: str
    metric: str
    unit: str  # "nats", or empty
    split: Split  # what the pairs are judged on
    judged: str  # what the pairs compare, for a person
    budget: Threshold | None  # on the axis of the options; None on the test split
    worst: float | None  # what a failure counts as in a mean
    target: Threshold | None
    standings: list[ContestantResult]  # lowest mean first
    pairs: list[Pair]


@dataclass(frozen=True)
class Overall:
    """A contestant over all workloads, of values normalized in each."""

    label: str
    name: str
    mean: Interval
    interquartile_mean: Interval
    score: float | None  # AlgoPerf's; None without targets
    reached: list[float] | None  # performance profile at `Aggregate.ratios`
    within: list[float]  # run-score profile at `Aggregate.marks`


@dataclass(frozen=True)
class OverallPair:
    """The probability that a run of the first is lower than one of the second, over workloads."""

    first: str
    second: str
    improvement: Interval


@dataclass(frozen=True)
class Aggregate:
    """Several workloads together."""

    workloads: list[str]  # in which every contestant has runs
    normalization: str  # for a person
    standings: list[Overall]  # lowest mean first
    pairs: list[OverallPair]
    ratios: list[float]  # of time to the best time
    marks: list[float]  # normalized values


@dataclass(frozen=True)
class Verdict:
    """The result of a comparison."""

    asked: CompareOptions
    by: tuple[str, ...]
    sentences: list[str]
    workloads: list[WorkloadVerdict]
    aggregate: Aggregate | None  # None for one workload
    warnings: list[str]
    notes: list[str]  # what was left out, and the methods of the numbers
    damaged: Mapping[str, str]  # folders that could not be read, and why
