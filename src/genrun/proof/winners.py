"""The winners: each contestant's trial with the lowest held-out mean, to be run again."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from genrun.core.errors import CheckpointUnusable
from genrun.core.formatting import format_setting
from genrun.proof.trials import job_with_seed
from genrun.results.proof_file import ContestantRecord, Proof, Winner
from genrun.results.record import read_job_records
from genrun.runs import layout
from genrun.sweeps.plan import Job, SweepPlan, read_plan
from genrun.sweeps.search.space import has_several_values, parse_dimension


def final_job_names(label: str, seeds: Sequence[int]) -> list[str]:
    return [f"{label}-seed-{seed}" for seed in seeds]


def choose_winners(folder: Path, proof: Proof) -> dict[str, Winner | None]:
    """Returns each contestant's winner; None if none of its trials has a value."""
    values = tuning_values(folder, proof)
    return {
        label: _winner(label, entered, values[label], proof.seeds)
        for label, entered in proof.contestants.items()
    }


def tuning_values(folder: Path, proof: Proof) -> dict[str, list[float]]:
    """Returns each trial's mean over its seeds, infinite if one of them failed, by contestant.

    Raises `CheckpointUnusable` if a trial's job is not in the plan.
    """
    plan = read_plan(folder / layout.TUNING)
    reached = {run.name: run.value for run in read_job_records(folder / layout.TUNING, plan.jobs)}
    for entered in proof.contestants.values():
        for names in entered.tuning:
            if not reached.keys() >= set(names):
                raise CheckpointUnusable(f"{folder}: its plan has no job named {names[0]!r}")
    return {
        label: [_mean([reached[name] for name in names]) for names in entered.tuning]
        for label, entered in proof.contestants.items()
    }


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else math.inf


def _winner(
    label: str, entered: ContestantRecord, values: Sequence[float], seeds: Sequence[int]
) -> Winner | None:
    best = min(range(len(values)), key=values.__getitem__)
    if math.isinf(values[best]):
        return None
    bounds = find_bounds(entered.space, entered.trials[best])
    return Winner(best, values[best], bounds, final_job_names(label, seeds))


def find_bounds(space: Mapping[str, str], words: Mapping[str, str]) -> dict[str, str]:
    """Returns `lower` or `upper` for each key whose value is on a bound of its range."""
    found = {}
    for key, text in space.items():
        bound = (
            parse_dimension(key, text).find_bound(words.get(key))
            if has_several_values(key, text)
            else None
        )
        if bound is not None:
            found[key] = bound
    return found


def describe_bounds(proof: Proof) -> list[str]:
    """Returns a sentence for each winner's value that is on a bound of its range."""
    lines = []
    for label, winner in (proof.winners or {}).items():
        if winner is None:
            continue
        for key, bound in winner.bounds.items():
            entered = proof.contestants[label]
            value = format_setting(entered.trials[winner.trial].get(key, ""))
            lines.append(
                f"{label}: {key}={value} is at the {bound} end of its space "
                f"({entered.space.get(key)}); what lies beyond was not tried"
            )
    return lines


def final_plan(folder: Path, proof: Proof, winners: Mapping[str, Winner | None]) -> SweepPlan:
    """The plan of the winners' runs on fresh seeds, alternating between contestants."""
    tuned = read_plan(folder / layout.TUNING)
    jobs: list[Job] = []
    for place, seed in enumerate(proof.seeds):
        for label, winner in winners.items():
            if winner is None:
                continue
            name = proof.contestants[label].tuning[winner.trial][0]
            jobs.append(job_with_seed(tuned.get_job(name), seed, winner.final[place], named=False))
    return SweepPlan(proof.words, jobs)
