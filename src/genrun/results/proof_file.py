"""proof.json: the plan and the state of a proof; untrusted when it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnusable, InputMissing
from genrun.core.numbers import finite_number
from genrun.results.record import RunRecord
from genrun.runs import layout
from genrun.runs.files import write_json
from genrun.runs.untrusted_json import MapOf, Nullable, check_schema, read_json

FORMAT = 1
LARGEST = 1 << 26
COST_FORM = {
    "runs": int,
    "steps": float | int,
    "examples": float | int,
    "flops": Nullable(float | int),
    "seconds": Nullable(float | int),
}
FORM = {
    "format": int,
    "words": [str],
    "over": str,
    "budget": Nullable(str),
    "test": int,
    "monitor": str,
    "tuning_seeds": [int],
    "seeds": [int],
    "contestants": MapOf(
        {"word": str, "space": MapOf(str), "trials": [MapOf(str)], "tuning": [[str]]}
    ),
    "cost": COST_FORM,
    "warnings": [str],
    "winners": Nullable(
        MapOf(Nullable({"trial": int, "value": float | int, "bounds": MapOf(str), "final": [str]}))
    ),
}


@dataclass(frozen=True)
class ContestantRecord:
    """A contestant as it was entered."""

    word: str
    space: dict[str, str]
    trials: list[dict[str, str]]  # what was drawn
    tuning: list[list[str]]  # names of each trial's jobs


@dataclass(frozen=True)
class Winner:
    """The trial of a contestant that did best on held-out images."""

    trial: int
    value: float  # of what judges the runs; the mean over tuning seeds
    bounds: dict[str, str]  # by key: `lower` or `upper`, where its value is on a bound
    final: list[str]  # names of the jobs that repeat it, in the order of the fresh seeds


@dataclass(frozen=True)
class Proof:
    """The content of proof.json. `winners` is None until tuning has ended."""

    words: list[str]
    over: str
    budget: str | None
    test: int
    monitor: str
    tuning_seeds: list[int]
    seeds: list[int]
    contestants: dict[str, ContestantRecord]
    cost: Cost  # as it was estimated
    warnings: list[str]
    winners: dict[str, Winner | None] | None = None

    def write(self, folder: Path) -> None:
        write_json(folder / layout.PROOF, {"format": FORMAT, **asdict(self)})

    @property
    def spaces(self) -> dict[str, dict[str, str]]:
        """The search space of each tuning job's contestant, by the name of the job's folder."""
        return {
            name: contestant.space
            for contestant in self.contestants.values()
            for trial in contestant.tuning
            for name in trial
        }

    def with_winners(self, winners: Mapping[str, Winner | None]) -> Proof:
        return replace(self, winners=dict(winners))


def read_proof(folder: Path) -> Proof:
    """Raises `InputMissing` if there is none, and `CheckpointUnusable` if it is damaged."""
    path = folder / layout.PROOF
    if not path.is_file():
        raise InputMissing(f"{folder}: is not a proof's folder (it has no {layout.PROOF})")
    try:
        for name in (layout.TUNING, layout.FINAL):
            if (folder / name).is_symlink():  # a writer would be led elsewhere
                raise ValueError(f"{name} is a link")
        content = read_json(path, LARGEST)
        check_schema(content, FORM)
        if content["format"] > FORMAT:
            raise ValueError(f"has format {content['format']}; this genrun reads up to {FORMAT}")
        _check(content)
    except (ValueError, OSError) as error:
        raise CheckpointUnusable(f"{path}: cannot be read ({error})") from error
    own = {key: content[key] for key in Proof.__dataclass_fields__}
    entered = {
        label: ContestantRecord(**{key: one[key] for key in ContestantRecord.__dataclass_fields__})
        for label, one in content["contestants"].items()
    }
    cost = Cost(**{key: content["cost"][key] for key in Cost.__dataclass_fields__})
    return Proof(**{**own, "contestants": entered, "cost": cost, "winners": _winners(content)})


def find_proof(folder: Path | None) -> Proof | None:
    """The proof of a folder, or None if there is none or its file cannot be used."""
    try:
        return None if folder is None else read_proof(folder)
    except (InputMissing, CheckpointUnusable):
        return None


def find_contested_setting(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Returns the setting that is compared if all runs are of proofs over it, else nothing."""
    folders = {run.sweep.parent if run.sweep and run.stage else None for run in records}
    proofs = map(find_proof, folders)
    over = {None if proof is None else proof.over for proof in proofs}
    return tuple(name for name in over if name is not None) if len(over) == 1 else ()


def _winners(content: Mapping[str, Any]) -> dict[str, Winner | None] | None:
    if content["winners"] is None:
        return None
    return {
        label: None
        if one is None
        else Winner(**{key: one[key] for key in Winner.__dataclass_fields__})
        for label, one in content["winners"].items()
    }


def _check(content: Mapping[str, Any]) -> None:
    """Raises `ValueError` if the parts of a proof do not fit together."""
    contestants, winners = content["contestants"], content["winners"]
    if len(contestants) < 2 or not content["seeds"] or not content["tuning_seeds"]:
        raise ValueError("has no contestants or no seeds")
    for label, one in contestants.items():
        if not one["trials"] or len(one["trials"]) != len(one["tuning"]) or not all(one["tuning"]):
            raise ValueError(f"{label} has not a trial for each of its jobs")
    if winners is None:
        return
    if set(winners) != set(contestants):
        raise ValueError("its winners are not its contestants'")
    for label, one in winners.items():
        if one is None:
            continue
        if not 0 <= one["trial"] < len(contestants[label]["trials"]):
            raise ValueError(f"the winner of {label} is none of its trials")
        if len(one["final"]) != len(content["seeds"]) or finite_number(one["value"]) is None:
            raise ValueError(f"the winner of {label} has no value, or not a run for each seed")


@dataclass(frozen=True)
class Cost:
    """The estimated cost of runs. None: it cannot be counted, or was not timed."""

    runs: int
    steps: float
    examples: float
    flops: float | None
    seconds: float | None  # one after the other

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.runs + other.runs,
            self.steps + other.steps,
            self.examples + other.examples,
            _sum(self.flops, other.flops),
            _sum(self.seconds, other.seconds),
        )


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
