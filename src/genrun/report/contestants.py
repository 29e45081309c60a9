"""Who is on the page: contestants with a style each, configurations with a name and a value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from genrun.comparison.verdict import Verdict, WorkloadVerdict
from genrun.core.formatting import format_setting, shorten
from genrun.report.charts.chart import STYLES
from genrun.results.grouping import Configuration, GroupedRuns, Workload
from genrun.results.record import RunRecord
from genrun.runs import layout
from genrun.statistics.interval import Interval
from genrun.statistics.means import mean_interval

LONGEST_NAME = 160  # characters


@dataclass(frozen=True)
class PageConfiguration:
    """A configuration as the page shows it."""

    contestant: str  # its label
    name: str
    configuration: Configuration
    style: int | None  # its contestant's; None where there are more than styles
    stands: bool  # whether its contestant is judged by it
    mean: Interval | None  # of its runs' best values; None where no run ended
    hopeless: bool  # whether all runs of it that ended failed
    tried: bool  # whether it is a trial of a search only: no run of it counts

    @property
    def order(self) -> float:
        """Lowest first; without a value last."""
        value = math.inf if self.mean is None else self.mean.value
        return value if math.isfinite(value) else math.inf


@dataclass(frozen=True)
class PageWorkload:
    """A workload with its verdict and all its configurations, best first."""

    key: str  # of letters and digits, unique on the page
    workload: Workload
    verdict: WorkloadVerdict
    members: list[PageConfiguration]

    @property
    def metric(self) -> str:
        return self.verdict.metric

    @property
    def metric_label(self) -> str:
        return f"{self.metric} ({self.verdict.unit})" if self.verdict.unit else self.metric

    @property
    def shown(self) -> list[PageConfiguration]:
        """One for each contestant that has a style: the one by which it is judged."""
        return [one for one in self.members if one.stands and one.style is not None]


def scenes_of(arrangement: GroupedRuns, verdict: Verdict) -> list[PageWorkload]:
    """Every workload of the verdict."""
    styles = styles_of(verdict)
    found = []
    for index, judged in enumerate(verdict.workloads):
        workload = next(
            one
            for one in arrangement.workloads
            if (one.label, one.metric) == (judged.label, judged.metric)
        )
        found.append(
            PageWorkload(f"w{index}", workload, judged, _members(workload, judged, styles))
        )
    return found


def quality(run: RunRecord, metric: str) -> float:
    """A run's best held-out value; infinite for one that failed or was given up."""
    return math.inf if run.failed or run.pruned else run.curve.best(metric)


def worst_value(scene: WorkloadVerdict, workload: Workload) -> float:
    """What a failure counts as where a mean is taken: the worst that any run ever measured."""
    measured = (run.curve.worst(scene.metric) for run in workload.records)
    return scene.worst if scene.worst is not None else max(measured, default=-math.inf)


def mean_of(values: Sequence[float], worst: float) -> Interval | None:
    """With its interval; a failure counts as the worst value."""
    counted = [value if math.isfinite(value) else worst for value in values]
    return mean_interval(counted) if counted and all(map(math.isfinite, counted)) else None


def styles_of(verdict: Verdict) -> dict[str, int]:
    """By contestant: those of the best in each workload come first."""
    ranked = [[one.label for one in workload.standings] for workload in verdict.workloads]
    longest = max(map(len, ranked), default=0)
    labels = [own[place] for place in range(longest) for own in ranked if place < len(own)]
    return {label: index for index, label in enumerate(dict.fromkeys(labels)) if index < STYLES}


def _members(
    workload: Workload, judged: WorkloadVerdict, styles: Mapping[str, int]
) -> list[PageConfiguration]:
    standings = {one.label: one for one in judged.standings}
    worst = worst_value(judged, workload)
    members = []
    for label, configurations in workload.contestants.items():
        standing = standings.get(label)
        parts = [part for one in configurations for part in _by_stage(one)]
        stages = {part.runs[0].stage for part in parts}
        for part in parts:
            ended = [run for run in part.runs if not run.left]
            values = [quality(run, workload.metric) for run in ended]
            stage = part.runs[0].stage
            judging = standing is not None and standing.configuration == part.label
            members.append(
                PageConfiguration(
                    contestant=label,
                    name=_name(standing.name if standing else label, part, stage),
                    configuration=part,
                    style=styles.get(label),
                    stands=judging and (stage == layout.FINAL or layout.FINAL not in stages),
                    mean=mean_of(values, worst),
                    hopeless=bool(ended) and all(run.failed for run in ended),
                    tried=bool(ended) and all(run.pruned for run in ended),
                )
            )
    return sorted(members, key=lambda one: (one.order, not one.stands))


def _by_stage(configuration: Configuration) -> list[Configuration]:
    """A proof's fresh runs of a configuration apart from those that tuned it."""
    stages = dict.fromkeys(run.stage for run in configuration.runs)
    return [
        replace(configuration, runs=[run for run in configuration.runs if run.stage == stage])
        for stage in stages
    ]


def _name(contestant: str, configuration: Configuration, stage: str) -> str:
    own = [
        f"{key.rpartition('.')[2]}={format_setting(text)}"
        for key, text in configuration.settings.items()
    ]
    name = " ".join([contestant, *own, *(["(fresh seeds)"] if stage == layout.FINAL else [])])
    return shorten(name, LONGEST_NAME)
