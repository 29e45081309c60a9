"""Workloads with their contestants and search spaces, ready to be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from genrun.comparison.contestants import Contestant, build_contestant
from genrun.comparison.naming import short_names
from genrun.comparison.search_spaces import Space, SpaceFiles, read_space
from genrun.results.grouping import GroupedRuns


@dataclass(frozen=True)
class WorkloadEntry:
    """A workload with its contestants; `spaces` by contestant label."""

    label: str
    metric: str
    contestants: list[Contestant]
    spaces: Mapping[str, Space]
    worst: float | None  # value of a failure where a mean is taken


def enter_contestants(grouped: GroupedRuns) -> list[WorkloadEntry]:
    """Returns an entry for each workload."""
    files = SpaceFiles()
    names = short_names(grouped.contestants)
    entries = []
    for workload in grouped.workloads:
        worst = workload.worst_value
        contestants = [
            build_contestant(label, names[label], own, workload.metric, worst)
            for label, own in workload.contestants.items()
        ]
        spaces = {one.label: read_space(one, files) for one in contestants}
        entries.append(WorkloadEntry(workload.label, workload.metric, contestants, spaces, worst))
    return entries
