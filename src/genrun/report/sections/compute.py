"""The compute ledger: every run, failed and tuning ones among them."""

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
)
from genrun.core.usage import PHASES, ResourceUsage, sum_usage
from genrun.report.contestants import PageWorkload
from genrun.report.run_info import Infos
from genrun.report.tables import Cell, PageTable, number_cell
from genrun.results.record import RunRecord
from genrun.runs.folder import RunFolder
from genrun.runs.usage import read_usage

STAGES = {"tuning": "tuning", "final": "fresh seeds"}


@dataclass(frozen=True)
class Group:
    """Runs and what they took together."""

    runs: Sequence[RunRecord]
    spent: ResourceUsage

    @property
    def unfruitful(self) -> int:
        """How many failed, were given up, or have still to end."""
        return sum(not run.counts for run in self.runs)


@dataclass(frozen=True)
class Column:
    """A thing that is spent: how much of it, and how that reads."""

    name: str
    amount: Callable[[ResourceUsage], float | None]
    text: Callable[[float], str]


def build_compute_table(
    records: Sequence[RunRecord], infos: Infos, workloads: Sequence[PageWorkload]
) -> tuple[str, PageTable]:
    """One sentence of the total, and a row for each contestant's runs with the total below."""
    owners, grouped = _owners(workloads), defaultdict(list)
    for run in records:
        owner = owners.get(id(run), "left out of the comparison")
        grouped[(owner, STAGES.get(run.stage, ""))].append(run)
    groups = {key: _group(runs, infos) for key, runs in grouped.items()}
    whole = Group(records, sum_usage(group.spent for group in groups.values()))
    staged = any(stage for _, stage in groups)
    columns = [one for one in COLUMNS if one.amount(whole.spent) is not None]
    table = PageTable(
        columns=[
            "contestant",
            *(["stage"] if staged else []),
            "runs",
            *(one.name for one in columns),
        ],
        rows=[
            _row([owner, *([stage] if staged else [])], group, columns)
            for (owner, stage), group in groups.items()
        ],
        total=_row(["all", *([""] if staged else [])], whole, columns),
        note=NOTE + ("" if whole.spent.joules is not None else NO_ENERGY),
    )
    return _sentence(whole), table


NOTE = (
    "Everything that these runs took, failed and tuning runs among it. Seconds are added up over "
    "runs, also where several ran at once; FLOPs are of training steps, counted by torch; peaks "
    "are the highest of any run."
)
NO_ENERGY = " Energy is not known of all runs."


def _group(runs: Sequence[RunRecord], infos: Infos) -> Group:
    spent = (read_usage(RunFolder(run.folder), infos[run.folder]) for run in runs)
    return Group(runs, sum_usage(spent))


def _row(names: Sequence[str], group: Group, columns: Sequence[Column]) -> list[Cell]:
    runs = f"{len(group.runs)}"
    if group.unfruitful:
        runs += f" ({group.unfruitful} without a value)"
    cells = [Cell(name) for name in names]
    return [*cells, number_cell(runs, len(group.runs)), *(_cell(one, group) for one in columns)]


def _cell(column: Column, group: Group) -> Cell:
    amount = column.amount(group.spent)
    return number_cell(MISSING if amount is None else column.text(amount), amount)


def _sentence(whole: Group) -> str:
    spent, number = whole.spent, len(whole.runs)
    parts = [f"{number} run{'s' if number != 1 else ''}"]
    parts.append(f"{format_duration(sum(spent.seconds.values()))} of computing")
    if spent.flops is not None:
        parts.append(format_amount("flops", spent.flops) + " in training")
    if spent.joules is not None:
        parts.append(format_energy(spent.joules))
    wasted = whole.unfruitful
    return ", ".join(parts) + (f"; {wasted} came to no value of their own." if wasted else ".")


def _owners(workloads: Sequence[PageWorkload]) -> dict[int, str]:
    found = {}
    for workload in workloads:
        names = {one.label: one.name for one in workload.verdict.standings}
        for label, configurations in workload.grouped.contestants.items():
            text = names.get(label, label)
            if len(workloads) > 1:
                text += f", {workload.label}"
            found.update({id(run): text for one in configurations for run in one.runs})
    return found


def _phase(name: str) -> Column:
    return Column(name, lambda spent: spent.seconds.get(name), format_duration)


COLUMNS = (
    *map(_phase, PHASES),
    Column("examples", lambda spent: spent.examples, lambda amount: f"{amount:,.0f}"),
    Column("FLOPs", lambda spent: spent.flops, lambda amount: format_amount("flops", amount)),
    Column("peak memory", lambda spent: spent.host_bytes, format_bytes),
    Column("peak GPU memory", lambda spent: spent.device_bytes, format_bytes),
    Column("energy", lambda spent: spent.joules, format_energy),
)
