"""The compute ledger: every run, failed and tuning ones among them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

from genrun.evidence.record import RunRecord
from genrun.report import numbers
from genrun.report.cast import Scene
from genrun.report.spent import PHASES, Spent, known_sum, spent_by, together
from genrun.report.tables import Cell, Table, number_cell

STAGES = {"tuning": "tuning", "final": "fresh seeds", "": ""}
JOULES_A_KWH = 3.6e6
Written = Callable[[Spent], tuple[str, float]]  # the text of a cell, and its number
Column = tuple[str, Written]


def ledger_of(records: Sequence[RunRecord], scenes: Sequence[Scene]) -> tuple[str, Table]:
    """One sentence of the total, and a row for each contestant's runs with the total below."""
    groups: dict[tuple[str, str], list[Spent]] = defaultdict(list)
    owners = _owners(scenes)
    for run in records:
        owner = owners.get(id(run), "left out of the comparison")
        groups[(owner, STAGES.get(run.stage, ""))].append(spent_by(run))
    rows = [(owner, stage, together(parts)) for (owner, stage), parts in groups.items()]
    total = together([one for _, _, one in rows])
    staged = any(stage for _, stage, _ in rows)
    known = _known_columns(total)
    table = Table(
        columns=[
            "contestant",
            *(["stage"] if staged else []),
            "runs",
            *(name for name, _ in known),
        ],
        rows=[_row(owner, stage if staged else None, one, known) for owner, stage, one in rows],
        total=_row("all", "" if staged else None, total, known),
        note=_note(total),
    )
    return _sentence(total), table


def _known_columns(total: Spent) -> list[Column]:
    """Those of which any run says something: name, and what gives a cell."""
    columns: list[Column] = [
        *((name, _seconds(name)) for name in PHASES),
        ("examples", lambda one: (_count(one.examples), one.examples)),
        ("FLOPs", lambda one: (numbers.spent_text("flops", one.flops), one.flops)),
        ("peak memory", lambda one: (_bytes(one.host), one.host)),
        ("peak device memory", lambda one: (_bytes(one.device), one.device)),
        ("energy", lambda one: (_energy(one.energy), one.energy)),
    ]
    return [(name, cell) for name, cell in columns if not math.isnan(cell(total)[1])]


def _seconds(phase: str) -> Written:
    return lambda one: (numbers.spent_text("seconds", one.seconds[phase]), one.seconds[phase])


def _row(owner: str, stage: str | None, one: Spent, known: Sequence[Column]) -> list[Cell]:
    runs = f"{one.runs}" + (f" ({one.unfruitful} without a value)" if one.unfruitful else "")
    return [
        Cell(owner),
        *([] if stage is None else [Cell(stage)]),
        number_cell(runs, one.runs),
        *(number_cell(*cell(one)) for _, cell in known),
    ]


def _sentence(total: Spent) -> str:
    parts = [f"{total.runs} run{'s' if total.runs != 1 else ''}"]
    everything = known_sum(total.seconds[name] for name in PHASES)
    if not math.isnan(everything):
        parts.append(f"{numbers.duration_text(everything)} of computing")
    if not math.isnan(total.flops):
        parts.append(numbers.spent_text("flops", total.flops) + " in training")
    if not math.isnan(total.energy):
        parts.append(_energy(total.energy))
    wasted = total.unfruitful
    text = ", ".join(parts)
    return text + (f"; {wasted} came to no value of their own." if wasted else ".")


def _note(total: Spent) -> str:
    text = (
        "Everything that these runs took, failed and tuning runs among it. Seconds are added up "
        "over runs, also where several ran at once; FLOPs are of training steps, counted by torch."
    )
    if math.isnan(total.energy):
        return text + " Energy is not known here."
    if total.unknown_energy:
        text += f" Energy leaves out {total.unknown_energy} runs that do not say theirs."
    return text


def _owners(scenes: Sequence[Scene]) -> dict[int, str]:
    found = {}
    for scene in scenes:
        names = {one.label: one.name for one in scene.verdict.standings}
        for label, configurations in scene.workload.contestants.items():
            text = names.get(label, label)
            if len(scenes) > 1:
                text += f", {scene.workload.label}"
            found.update({id(run): text for one in configurations for run in one.runs})
    return found


def _count(amount: float) -> str:
    return f"{amount:,.0f}" if math.isfinite(amount) else numbers.NOTHING


def _bytes(amount: float) -> str:
    return numbers.with_prefix(amount, "B") if math.isfinite(amount) else numbers.NOTHING


def _energy(joules: float) -> str:
    if not math.isfinite(joules):
        return numbers.NOTHING
    if joules >= JOULES_A_KWH / 10:
        return f"{joules / JOULES_A_KWH:.3g} kWh"
    return numbers.with_prefix(joules, "J")
