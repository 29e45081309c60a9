"""How to reproduce the runs: command lines, environment and data, and definitions of terms."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genrun.comparison.verdict import Verdict
from genrun.core.errors import GenrunError
from genrun.core.formatting import format_amount, format_metric, shorten
from genrun.report.run_info import RunInfos
from genrun.results.proof_file import read_proof
from genrun.results.record import RunRecord
from genrun.sweeps.plan import read_plan

MOST_COMMANDS = 30
MOST_VALUES = 12
LONGEST_VALUE, LONGEST_COMMAND = 300, 4000  # characters
NORMALIZED = "normalized value"
DEFINITIONS = {  # of terms that mean the same on every page; empty: the verdict has it
    "value of a run": "the lowest at any of its evaluations, that of its best checkpoint",
    "interval": (
        "covers the true value 95 times in 100; of a mean by Student's t, of an interquartile "
        "mean by the t of trimmed means (Tukey and McLaughlin), from 30 runs on by bootstrap"
    ),
    "difference": (
        "of runs with the same seed if both contestants have such runs, else of all runs (by "
        "Welch); decided if its p-value, corrected for the number of pairs (Holm), is at most "
        "0.045; if runs failed, also by rank (Mann-Whitney)"
    ),
    "probability of improvement": (
        "that a run of the first is lower than a run of the second, ties count half (Mann-Whitney)"
    ),
    "seconds": "of training only, without evaluation, saving and drawing",
    "FLOPs": "of training steps, as torch counts them once for each kind of step",
    NORMALIZED: "",
    "Pareto front": "the evaluations that no other is better than for as much compute or less",
}
SPLITS = {"train": "to train on", "held_out": "held out", "test": "to test on"}


@dataclass(frozen=True)
class Reproduction:
    """The page's last section."""

    commands: list[str]
    commands_note: str
    environment: list[tuple[str, list[str]]]  # names with all values that they had
    definitions: list[tuple[str, str]]


def describe_reproduction(
    records: Sequence[RunRecord], infos: RunInfos, verdict: Verdict
) -> Reproduction:
    """Reads the folders of the runs and of their sweeps, as far as they can be read."""
    commands = list(
        dict.fromkeys(shorten(one, LONGEST_COMMAND) for one in _commands(records, infos))
    )
    hidden = len(commands) - MOST_COMMANDS
    note = f"{hidden} more runs have command lines of their own." if hidden > 0 else ""
    return Reproduction(
        commands[:MOST_COMMANDS], note, _environment(records, infos), list(_definitions(verdict))
    )


def _commands(records: Sequence[RunRecord], infos: RunInfos) -> Iterator[str]:
    """One command line of each proof, sweep or single run."""
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


def _environment(records: Sequence[RunRecord], infos: RunInfos) -> list[tuple[str, list[str]]]:
    """Names with all values that they had in the runs, the most frequent first."""
    found: dict[str, Counter[str]] = {}
    for run in records:
        info = infos[run.folder]
        for name, text in _run_environment(info):
            found.setdefault(name, Counter())[shorten(text, LONGEST_VALUE)] += 1
    seeds = sorted({run.seed for run in records})
    values = [(name, _with_counts(counts)) for name, counts in found.items()]
    listed = ", ".join(map(str, seeds[:200])) + (", …" if len(seeds) > 200 else "")
    return [*values, ("seeds", [listed])]


def _with_counts(counts: Counter[str]) -> list[str]:
    several = len(counts) > 1
    texts = [
        f"{text} ({number} run{'s' if number > 1 else ''})" if several else text
        for text, number in counts.most_common(MOST_VALUES)
    ]
    more = len(counts) - MOST_VALUES
    return [*texts, f"and {more} more"] if more > 0 else texts


def _run_environment(info: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not info:
        return
    environment, data = info.get("environment", {}), info.get("data", {})
    for name in ("genrun", "torch", "python", "device", "processor", "threads", "precision"):
        if name in environment:
            yield name, str(environment[name])
    yield "git commit", str(info.get("git_commit") or "none (not in a repository)")
    if data:
        sizes = [f"{data[key]} {use}" for key, use in SPLITS.items() if data.get(key)]
        yield "data", ", ".join([str(data["name"]), *sizes])
        yield "data digest", str(data["digest"])
    if "parameters" in info:
        yield "parameters", ", ".join(f"{k} {v:,}" for k, v in info["parameters"].items())
    if info.get("started"):
        yield "started on", str(info["started"])[:10]


def _definitions(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Terms of the page in the order in which they appear."""
    several = len(verdict.workloads) > 1
    for workload in verdict.workloads:
        suffix = f" ({workload.label})" if several else ""
        yield f"what is compared{suffix}", workload.judged
        if workload.budget is not None:
            budget = format_amount(verdict.asked.budget, workload.budget.value)
            yield f"equal budget{suffix}", f"{budget}: {workload.budget.rule}"
        if workload.target is not None:
            yield (
                f"target{suffix}",
                f"{format_metric(workload.target.value)}: {workload.target.rule}",
            )
        if workload.worst is not None:
            value = f"{format_metric(workload.worst)} in means, the worst that any run measured"
            yield f"failure{suffix}", f"counts as {value}; as infinite in ranks and times"
    for name, text in DEFINITIONS.items():
        if name != NORMALIZED:
            yield name, text
        elif verdict.aggregate is not None:
            yield name, verdict.aggregate.normalization
