"""What all runs used, failed and tuning ones included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from genrun.core.formatting import (
    MISSING,
    format_amount,
    format_bytes,
    format_duration,
    format_energy,
    pluralize,
)
from genrun.core.usage import PHASES, ResourceUsage, sum_usage
from genrun.report.contestants import PageWorkload
from genrun.report.run_info import RunInfos
from genrun.report.tables import Cell, PageTable, number_cell
from genrun.results.record import RunRecord
from genrun.runs import layout
from genrun.runs.folder import RunFolder
from genrun.runs.usage import read_usage

STAGES = {layout.TUNING: "tuning", layout.FINAL: "fresh seeds"}
NOTE = (
    "All that these runs used, failed and tuning runs included. Seconds are summed over runs, "
    "also if several ran at once; FLOPs are of training steps, as torch counts them; peaks are "
    "the highest of any run."
)
UNKNOWN_ENERGY = " Energy is not known of all runs."


@dataclass(frozen=True)
class ComputeSection:
    """One sentence about the total, and a row for each contestant's runs."""

    sentence: str
    table: PageTable


@dataclass(frozen=True)
class UsageGroup:
    """Runs and what they used together."""

    runs: Sequence[RunRecord]
    usage: ResourceUsage

    @property
    def without_result(self) -> int:
        """How many failed, were pruned, or have not ended."""
        return sum(not run.counts for run in self.runs)


@dataclass(frozen=True)
class UsageColumn:
    """A resource: how much of it was used, and how that is written."""

    name: str
    amount: Callable[[ResourceUsage], float | None]
    text: Callable[[float], str]


def _phase_column(phase: str) -> UsageColumn:
    return UsageColumn(phase, lambda usage: usage.seconds.get(phase), format_duration)


COLUMNS = (
    *map(_phase_column, PHASES),
    UsageColumn("examples", lambda usage: usage.examples, lambda amount: f"{amount:,.0f}"),
    UsageColumn("FLOPs", lambda usage: usage.flops, lambda amount: format_amount("flops", amount)),
    UsageColumn("peak memory", lambda usage: usage.host_bytes, format_bytes),
    UsageColumn("peak GPU memory", lambda usage: usage.device_bytes, format_bytes),
    UsageColumn("energy", lambda usage: usage.joules, format_energy),
)


def build_compute_section(
    records: Sequence[RunRecord], infos: RunInfos, workloads: Sequence[PageWorkload]
) -> ComputeSection:
    """A row for each contestant and stage, with the total below; columns that are known of all."""
    owners, grouped = _contestant_names(workloads), defaultdict(list)
    for run in records:
        owner = owners.get(id(run), "left out of the comparison")
        grouped[(owner, STAGES.get(run.stage, ""))].append(run)
    groups = {key: _group(runs, infos) for key, runs in grouped.items()}
    total = UsageGroup(records, sum_usage(group.usage for group in groups.values()))
    staged = any(stage for _, stage in groups)
    columns = [column for column in COLUMNS if column.amount(total.usage) is not None]
    stage_column = ["stage"] if staged else []
    table = PageTable(
        columns=["contestant", *stage_column, "runs", *(column.name for column in columns)],
        rows=[
            _row([owner, *([stage] if staged else [])], group, columns)
            for (owner, stage), group in groups.items()
        ],
        total=_row(["all", *([""] if staged else [])], total, columns),
        note=NOTE + ("" if total.usage.joules is not None else UNKNOWN_ENERGY),
    )
    return ComputeSection(_sentence(total), table)


def _contestant_names(workloads: Sequence[PageWorkload]) -> dict[int, str]:
    """The name of the contestant that each run belongs to, by the record's id()."""
    found = {}
    for workload in workloads:
        for label, configurations in workload.grouped.contestants.items():
            text = workload.contestant_names.get(label, label)
            if len(workloads) > 1:
                text += f", {workload.label}"
            found.update({id(run): text for one in configurations for run in one.runs})
    return found


def _group(runs: Sequence[RunRecord], infos: RunInfos) -> UsageGroup:
    usages = (read_usage(RunFolder(run.folder), infos[run.folder]) for run in runs)
    return UsageGroup(runs, sum_usage(usages))


def _row(names: Sequence[str], group: UsageGroup, columns: Sequence[UsageColumn]) -> list[Cell]:
    runs = f"{len(group.runs)}"
    if group.without_result:
        runs += f" ({group.without_result} without a result)"
    cells = [Cell(name) for name in names]
    return [*cells, number_cell(runs, len(group.runs)), *(_cell(one, group) for one in columns)]


def _cell(column: UsageColumn, group: UsageGroup) -> Cell:
    amount = column.amount(group.usage)
    return number_cell(MISSING if amount is None else column.text(amount), amount)


def _sentence(total: UsageGroup) -> str:
    usage = total.usage
    parts = [pluralize(len(total.runs), "run")]
    parts.append(f"{format_duration(sum(usage.seconds.values()))} of computing")
    if usage.flops is not None:
        parts.append(format_amount("flops", usage.flops) + " in training")
    if usage.joules is not None:
        parts.append(format_energy(usage.joules))
    suffix = f"; {total.without_result} without a result." if total.without_result else "."
    return ", ".join(parts) + suffix
