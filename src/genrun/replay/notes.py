"""What a reader of a replay must know: where logs end too early, and what makes it optimistic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from genrun.core.protocols.stopping import ComparesTrials
from genrun.core.status import RunStatus
from genrun.replay.policies import PolicySet
from genrun.replay.replay_runs import Replayed
from genrun.replay.summary import Panel, ReplayResult
from genrun.results.curve import Axis
from genrun.results.grouping import Workload


@dataclass(frozen=True)
class Part:
    """A workload and what came of it."""

    workload: Workload
    replayed: Replayed


def notes_of(
    parts: Sequence[Part], sets: Sequence[PolicySet], panels: Sequence[Panel], axis: Axis
) -> list[str]:
    """The most important first; one line each."""
    notes = [note for part in parts for note in part.replayed.notes]
    unsuited = {p.name: why for part in parts for p, why in part.replayed.unsuited.items()}
    notes += [f"left out: {why}" for why in unsuited.values()]
    single = [panel for panel in panels if not panel.relative]
    for panel in single:
        where = f"{panel.label}: " if len(single) > 1 else ""
        notes += [where + line for line in _pending(panel.results)]
    notes += [*_short_logs(parts, sets[0]), *_optimistic(parts, sets), *_methods(sets, axis)]
    if len(single) < len(panels):
        notes.append(
            "over all workloads lost and regret are shares of how far each run got from its first "
            "value to its best; each workload has the same weight"
        )
    return notes


def _pending(results: Sequence[ReplayResult]) -> list[str]:
    """Where logs end before a policy would have decided: those with the same ends on one line."""
    by_ends: dict[tuple[int, int], list[str]] = {}
    for result in results:
        if result.pending is not None:
            count = f"{result.label} in {result.runs - result.stopped} of {result.runs} runs"
            by_ends.setdefault(result.pending, []).append(count)
    return [
        "not decided where the log ends"
        + (f", at step {least}: " if least == most else f", at steps {least} to {most}: ")
        + ", ".join(counts)
        for (least, most), counts in by_ends.items()
    ]


def _short_logs(parts: Sequence[Part], kept: PolicySet) -> list[str]:
    """Runs whose log might have gone on, had they not ended."""
    runs = [each for part in parts for each in part.replayed.outcomes[kept]]
    counts = Counter(each.status for each in runs if each.status != RunStatus.FINISHED)
    if not counts:
        return []
    said = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
    return [
        f"of {len(runs)} runs {said}: their logs are shorter than they might be, and what is lost "
        "is against where these end"
    ]


def _optimistic(parts: Sequence[Part], sets: Sequence[PolicySet]) -> list[str]:
    """A policy that goes by what it is judged by chose its stop with these very values."""
    same = [
        part.workload.metric
        for part in parts
        if any(part.workload.metric in part.replayed.watched[each] for each in sets)
    ]
    if not same:
        return []
    tried = f", and {len(sets)} settings are tried on the same runs" if len(sets) > 1 else ""
    return [
        f"optimistic: policies watch what they are judged by ({', '.join(dict.fromkeys(same))})"
        f"{tried}; metric=… judges by another, fresh runs by none of this"
    ]


def _methods(sets: Sequence[PolicySet], axis: Axis) -> list[str]:
    stoppers = [policy.stopper for each in sets for policy in each.policies]
    notes = ["a stop between two evaluations keeps the best value before it"]
    if axis == "seconds" or any(getattr(stopper, "seconds", None) for stopper in stoppers):
        notes.append("seconds between rows of the log are interpolated")
    if any(isinstance(stopper, ComparesTrials) for stopper in stoppers):
        notes.append("pruner: each run is a trial, one after the other in the order they started")
    return notes
