"""What a proof's file says of its runs: in what contestants differ, and what each searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genrun.results.collect import PROOF
from genrun.results.record import RunRecord
from genrun.runs.untrusted_json import Each, check_form, read_json

LARGEST = 1 << 26
FORM = {"over": str, "contestants": Each({"space": Each(str), "tuning": [[str]]})}


@dataclass(frozen=True)
class Proof:
    """`spaces` by the name of a tuning job's folder."""

    over: str
    spaces: Mapping[str, Mapping[str, str]]


def read_proof(folder: Path) -> Proof | None:
    """None where the file says nothing that can be used: the runs are sound all the same."""
    try:
        content = read_json(folder / PROOF, LARGEST)
        check_form(content, FORM)
    except (ValueError, OSError):
        return None
    return Proof(
        content["over"],
        {
            name: one["space"]
            for one in content["contestants"].values()
            for trial in one["tuning"]
            for name in trial
        },
    )


def contested(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """What the contestants of proofs differ in, where all runs are of proofs over one thing."""
    folders = {run.sweep.parent if run.sweep and run.stage else None for run in records}
    proofs = [None if folder is None else read_proof(folder) for folder in folders]
    over = {None if proof is None else proof.over for proof in proofs}
    return tuple(name for name in over if name is not None) if len(over) == 1 else ()
