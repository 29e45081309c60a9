"""`genrun show` of a proof: its progress, cost and results."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

from genrun.core.formatting import format_number
from genrun.core.status import RunStatus
from genrun.proof.cost import format_cost
from genrun.proof.final_test import untested_runs
from genrun.proof.verdict import show_verdict
from genrun.proof.winners import tuning_values
from genrun.results.proof_file import Proof, read_proof
from genrun.results.record import RunRecord, read_job_records
from genrun.results.summary.tables import describe_cost
from genrun.runs import layout
from genrun.runs.lock import describe_writer
from genrun.sweeps.plan import read_plan
from genrun.terminal.tables import print_fields, print_line, print_table


def show_proof(folder: Path) -> None:
    """Shows a proof, finished or not. Raises `CheckpointUnusable` if it is damaged."""
    proof = read_proof(folder)
    rows = {stage: _rows(folder, stage, proof) for stage in (layout.TUNING, layout.FINAL)}
    facts: dict[str, Any] = {
        "proof": folder,
        "command": f"genrun prove {shlex.join(proof.words)}",
        "state": _state(folder, proof, rows),
        **{stage: _counts(own) for stage, own in rows.items()},
        "budget": proof.budget or "the configuration's own steps",
        "seeds": f"tuning {_listed(proof.tuning_seeds)}, then {_listed(proof.seeds)}",
        "expected": format_cost(proof.cost, None),
        "spent": describe_cost([run for own in rows.values() for run in own]),
    }
    print_fields(facts)
    _print_tuning(folder, proof)
    if proof.winners is not None and _left(rows[layout.FINAL]) == 0 and not untested_runs(folder):
        show_verdict(folder, proof)
    print_line(f"each stage: genrun show {os.path.relpath(folder / layout.TUNING)}")


def _rows(folder: Path, stage: str, proof: Proof) -> list[RunRecord]:
    """The runs of a stage; none of the last one without winners, as it may have no plan."""
    if stage == layout.FINAL and proof.winners is None:
        return []
    return read_job_records(folder / stage, read_plan(folder / stage).jobs)


def _state(folder: Path, proof: Proof, rows: dict[str, list[RunRecord]]) -> str:
    if (who := describe_writer(folder)) is not None:
        return who
    stage = "tuning" if proof.winners is None else "the winners' runs"
    if proof.winners is not None and _left(rows[layout.FINAL]) == 0:
        if not untested_runs(folder):
            return "complete"
        stage = "tests"
    return f"in {stage}; resume with: genrun resume {folder}"


def _left(rows: list[RunRecord]) -> int:
    return sum(not row.status.ended and row.status != RunStatus.FAILED for row in rows)


def _counts(rows: list[RunRecord]) -> str | None:
    if not rows:
        return None
    counts = Counter(row.status for row in rows)
    return f"{len(rows)} runs: " + ", ".join(f"{n} {status}" for status, n in counts.items())


def _print_tuning(folder: Path, proof: Proof) -> None:
    values = tuning_values(folder, proof)
    rows = []
    for label, own in values.items():
        sound = [value for value in own if value < float("inf")]
        space = ", ".join(f"{k} {text}" for k, text in proof.contestants[label].space.items())
        best = format_number(min(sound)) if sound else None
        rows.append((label, space or "none", f"{len(sound)}/{len(own)}", best))
    print_line("")
    columns = ("contestant", "space", "trials", "best held out")
    print_table(columns, rows, title=f"tuning by {proof.monitor}", numbers=columns[2:])


def _listed(seeds: list[int]) -> str:
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
