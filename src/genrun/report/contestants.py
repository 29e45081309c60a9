"""What the page shows: workloads, and their configurations with a name, a style and a mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from genrun.comparison.verdict import Verdict, WorkloadVerdict
from genrun.core.formatting import format_estimate, format_interval, format_setting, shorten
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
    grouped: Configuration
    style: int | None  # its contestant's; None if there are more contestants than styles
    is_representative: bool  # whether its contestant is judged by it
    mean: Interval | None  # of its runs' best values; None if no run ended
    all_failed: bool  # of the runs that ended
    all_pruned: bool  # of the runs that ended

    @property
    def runs(self) -> list[RunRecord]:
        return self.grouped.runs

    @property
    def settings(self) -> Mapping[str, str]:
        """Those that differ within its contestant."""
        return self.grouped.settings

    @property
    def rank_value(self) -> float:
        """Its mean; infinite, so last, if it has none."""
        value = math.inf if self.mean is None else self.mean.value
        return value if math.isfinite(value) else math.inf


@dataclass(frozen=True)
class PageWorkload:
    """A workload with its verdict and all its configurations, best first."""

    key: str  # of letters and digits, unique on the page
    grouped: Workload
    verdict: WorkloadVerdict
    configurations: list[PageConfiguration]

    @property
    def label(self) -> str:
        return self.grouped.label

    @property
    def metric(self) -> str:
        return self.verdict.metric

    @property
    def metric_label(self) -> str:
        return f"{self.metric} ({self.verdict.unit})" if self.verdict.unit else self.metric

    @property
    def contestant_names(self) -> dict[str, str]:
        """Short names of contestants by label."""
        return {one.label: one.name for one in self.verdict.standings}

    @property
    def representatives(self) -> list[PageConfiguration]:
        """The configuration that each contestant with a style is judged by."""
        return [
            one for one in self.configurations if one.is_representative and one.style is not None
        ]

    @property
    def worst(self) -> float:
        """What a failure counts as in a mean; minus infinity if no run has a finite value."""
        worst = self.grouped.worst_value
        return -math.inf if worst is None else worst


def build_page_workloads(grouped: GroupedRuns, verdict: Verdict) -> list[PageWorkload]:
    """Every workload of the verdict."""
    styles = assign_styles(verdict)
    workloads = []
    for index, judged in enumerate(verdict.workloads):
        runs = next(
            workload
            for workload in grouped.workloads
            if (workload.label, workload.metric) == (judged.label, judged.metric)
        )
        page = PageWorkload(f"w{index}", runs, judged, [])
        workloads.append(replace(page, configurations=_configurations(page, styles)))
    return workloads


def assign_styles(verdict: Verdict) -> dict[str, int]:
    """Returns a style by contestant, the first ones for the best of each workload."""
    ranked = [[one.label for one in workload.standings] for workload in verdict.workloads]
    longest = max(map(len, ranked), default=0)
    labels = [own[place] for place in range(longest) for own in ranked if place < len(own)]
    return {label: index for index, label in enumerate(dict.fromkeys(labels)) if index < STYLES}


def mean_with_failures(values: Sequence[float], worst: float) -> Interval | None:
    """The mean with its interval; infinite values, which are failures, count as `worst`.

    None without values, or if a failure has no finite value to count as.
    """
    counted = [value if math.isfinite(value) else worst for value in values]
    return mean_interval(counted) if counted and all(map(math.isfinite, counted)) else None


def format_mean(mean: Interval) -> str:
    """`12.3 (11.8 to 12.9)`, or the value alone if there is no interval."""
    text = format_estimate(mean.value, mean.low, mean.high)
    return text if mean.low is None else f"{text} ({format_interval(mean.low, mean.high)})"


def _configurations(workload: PageWorkload, styles: Mapping[str, int]) -> list[PageConfiguration]:
    judged = {one.label: one for one in workload.verdict.standings}
    found = []
    for label, configurations in workload.grouped.contestants.items():
        result = judged.get(label)
        parts = [part for one in configurations for part in _split_by_stage(one)]
        stages = {part.runs[0].stage for part in parts}
        for part in parts:
            ended = [run for run in part.runs if not run.left]
            stage = part.runs[0].stage
            is_judged = result is not None and result.configuration == part.label
            found.append(
                PageConfiguration(
                    contestant=label,
                    name=_name(result.name if result else label, part, stage),
                    grouped=part,
                    style=styles.get(label),
                    is_representative=is_judged
                    and (stage == layout.FINAL or layout.FINAL not in stages),
                    mean=mean_with_failures(
                        [
                            math.inf if run.pruned else run.quality(workload.metric)
                            for run in ended
                        ],
                        workload.worst,
                    ),
                    all_failed=bool(ended) and all(run.failed for run in ended),
                    all_pruned=bool(ended) and all(run.pruned for run in ended),
                )
            )
    return sorted(found, key=lambda one: (one.rank_value, not one.is_representative))


def _split_by_stage(configuration: Configuration) -> list[Configuration]:
    """Separates a proof's final runs of a configuration from those that tuned it."""
    stages = dict.fromkeys(run.stage for run in configuration.runs)
    return [
        replace(configuration, runs=[run for run in configuration.runs if run.stage == stage])
        for stage in stages
    ]


def _name(contestant: str, configuration: Configuration, stage: str) -> str:
    settings = [
        f"{key.rpartition('.')[2]}={format_setting(text)}"
        for key, text in configuration.settings.items()
    ]
    suffix = ["(fresh seeds)"] if stage == layout.FINAL else []
    return shorten(" ".join([contestant, *settings, *suffix]), LONGEST_NAME)
