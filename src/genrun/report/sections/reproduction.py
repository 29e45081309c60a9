"""What it takes to do it again: command lines, versions, data, and what each number means."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genrun.comparison.verdict import Verdict
from genrun.core.errors import GenrunError
from genrun.core.formatting import shorten
from genrun.report.run_info import Infos
from genrun.results.proof_file import read_proof
from genrun.results.record import RunRecord
from genrun.sweeps.plan import read_plan

MOST_COMMANDS = 30
MOST_VALUES = 12
LONGEST_FACT, LONGEST_COMMAND = 300, 4000  # characters
SPLITS = {"train": "to train on", "held_out": "held out", "test": "to test on"}


@dataclass(frozen=True)
class Reproduction:
    """For the page's last section."""

    commands: list[str]
    commands_note: str
    facts: list[tuple[str, list[str]]]
    definitions: list[tuple[str, str]]


def describe_reproduction(
    records: Sequence[RunRecord], infos: Infos, verdict: Verdict
) -> Reproduction:
    """From the folders of the runs and of their sweeps, as far as they can be read."""
    commands = list(
        dict.fromkeys(shorten(one, LONGEST_COMMAND) for one in _commands(records, infos))
    )
    hidden = len(commands) - MOST_COMMANDS
    note = f"{hidden} more runs have command lines of their own." if hidden > 0 else ""
    return Reproduction(
        commands[:MOST_COMMANDS], note, _facts(records, infos), list(_definitions(verdict))
    )


def _commands(records: Sequence[RunRecord], infos: Infos) -> Iterator[str]:
    """Of each proof, sweep or single run one."""
    for sweep in dict.fromkeys(run.sweep for run in records if run.sweep is not None):
        try:
            staged = any(run.stage for run in records if run.sweep == sweep)
            if staged:
                yield shlex.join(["genrun", "prove", *read_proof(sweep.parent).words])
                continue
            yield shlex.join(["genrun", "-m", *read_plan(sweep).words])
        except (GenrunError, ValueError, OSError):
            continue
    for run in (one for one in records if one.sweep is None):
        words = infos[run.folder].get("overrides")
        if isinstance(words, list):
            yield shlex.join(["genrun", *map(str, words)])


def _facts(records: Sequence[RunRecord], infos: Infos) -> list[tuple[str, list[str]]]:
    """Each thing with all values that it had, the most frequent first."""
    found: dict[str, Counter[str]] = {}
    for run in records:
        info = infos[run.folder]
        for name, text in _facts_of(info) if info else ():
            found.setdefault(name, Counter())[shorten(text, LONGEST_FACT)] += 1
    seeds = sorted({run.seed for run in records})
    facts = [(name, _counted(counts)) for name, counts in found.items()]
    shown = ", ".join(map(str, seeds[:200])) + (", …" if len(seeds) > 200 else "")
    return [*facts, ("seeds", [shown])]


def _counted(counts: Counter[str]) -> list[str]:
    several = len(counts) > 1
    shown = [
        f"{text} ({number} run{'s' if number > 1 else ''})" if several else text
        for text, number in counts.most_common(MOST_VALUES)
    ]
    more = len(counts) - MOST_VALUES
    return [*shown, f"and {more} more"] if more > 0 else shown


def _facts_of(info: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    environment, data = info.get("environment", {}), info.get("data", {})
    for name in ("genrun", "torch", "python", "device", "processor", "threads", "precision"):
        if name in environment:
            yield name, str(environment[name])
    yield "git commit", str(info.get("git_commit") or "none: not in a repository")
    if data:
        sizes = [f"{data[key]} {use}" for key, use in SPLITS.items() if data.get(key)]
        yield "data", ", ".join([str(data["name"]), *sizes])
        yield "data digest", str(data["digest"])
    if "parameters" in info:
        yield "parameters", ", ".join(f"{k} {v:,}" for k, v in info["parameters"].items())
    if info.get("started"):
        yield "begun on", str(info["started"])[:10]


def _definitions(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """What stands on the page, in the order in which it does."""
    several = len(verdict.workloads) > 1
    for one in verdict.workloads:
        before = f" ({one.label})" if several else ""
        yield f"what is compared{before}", one.judged
        if one.budget is not None:
            yield f"equal budget{before}", f"{one.budget.value:g}: {one.budget.rule}"
        if one.target is not None:
            yield f"target{before}", f"{one.target.value:g}: {one.target.rule}"
        if one.worst is not None:
            failure = f"counts as {one.worst:g} in means, the worst that any run ever measured"
            yield f"failure{before}", f"{failure}; as infinite where runs are ranked or timed"
    yield (
        "value of a run",
        ("the lowest that it had at any evaluation, as its kept best checkpoint has it"),
    )
    yield (
        "interval",
        ("covers the true value 95 times in 100; Student's t for a mean of fewer than 30 runs"),
    )
    yield (
        "difference",
        (
            "of runs with the same seed where both contestants have them, else of all runs (by "
            "Welch); decided where its p-value, corrected for the number of pairs (Holm), is "
            "at most 0.045; where runs failed, by rank too (Mann-Whitney)"
        ),
    )
    yield (
        "probability of improvement",
        ("that a run of the one is lower than a run of the other, ties half (Mann-Whitney)"),
    )
    yield "seconds", "of training alone: evaluation, saving and drawing are left out"
    yield "FLOPs", "of training steps, counted by torch once for each shape of a step"
    if verdict.aggregate is not None:
        yield "normalized value", verdict.aggregate.normalization
    yield (
        "Pareto front",
        "of all evaluations those than which none is better for the same compute or less",
    )
