"""A workload with its contestants as they enter a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from genrun.comparison.contestants import Contestant, contender_of, worst_of
from genrun.comparison.naming import short_names
from genrun.comparison.search_spaces import Files, Space, space_of
from genrun.results.grouping import GroupedRuns


@dataclass(frozen=True)
class WorkloadEntry:
    """`spaces` by the contestant's label."""

    label: str
    metric: str
    contenders: list[Contestant]
    spaces: Mapping[str, Space]
    worst: float | None  # value of a failure where a mean is taken


def enter_contestants(arrangement: GroupedRuns) -> list[WorkloadEntry]:
    """One for each workload."""
    files = Files()
    names = short_names(arrangement.contestants)
    entries = []
    for workload in arrangement.workloads:
        worst = worst_of(workload)
        contenders = [
            contender_of(label, names[label], own, workload.metric, worst)
            for label, own in workload.contestants.items()
        ]
        spaces = {one.label: space_of(one, files) for one in contenders}
        entries.append(WorkloadEntry(workload.label, workload.metric, contenders, spaces, worst))
    return entries
