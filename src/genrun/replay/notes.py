"""Notes on a replay: where logs end before a decision, what is optimistic, how values arise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from genrun.core.protocols.stopping import ComparesTrials
from genrun.core.status import RunStatus
from genrun.replay.policies import PolicySet
from genrun.replay.replay_runs import ReplayedWorkload
from genrun.replay.summary import ReplayPanel, ReplayResult
from genrun.results.curve import Axis


def build_notes(
    workloads: Sequence[ReplayedWorkload],
    sets: Sequence[PolicySet],
    panels: Sequence[ReplayPanel],
    axis: Axis,
) -> list[str]:
    """Returns one line for each note, the most important first."""
    notes = [note for replayed in workloads for note in replayed.notes]
    incompatible = {
        policy.name: reason
        for replayed in workloads
        for policy, reason in replayed.incompatible.items()
    }
    notes += [f"left out: {reason}" for reason in incompatible.values()]
    single = [panel for panel in panels if not panel.is_relative]
    for panel in single:
        prefix = f"{panel.label}: " if len(single) > 1 else ""
        notes += [prefix + line for line in _undecided(panel.results)]
    notes += [
        *_short_logs(workloads, sets[0]),
        *_optimistic(workloads, sets),
        *_methods(sets, axis),
    ]
    if len(single) < len(panels):
        notes.append(
            "over all workloads, lost and regret are fractions of each run's improvement from its "
            "first to its best value; each workload has the same weight"
        )
    return notes


def _undecided(results: Sequence[ReplayResult]) -> list[str]:
    """Policies that had not decided when logs ended; those with the same last steps together."""
    by_ends: dict[tuple[int, int], list[str]] = {}
    for result in results:
        if result.pending is not None:
            count = f"{result.label} in {result.runs - result.stopped} of {result.runs} runs"
            by_ends.setdefault(result.pending, []).append(count)
    return [
        "undecided when the log ends"
        + (f", at step {least}: " if least == most else f", at steps {least} to {most}: ")
        + ", ".join(counts)
        for (least, most), counts in by_ends.items()
    ]


def _short_logs(workloads: Sequence[ReplayedWorkload], policies: PolicySet) -> list[str]:
    """Runs that ended before their last planned step."""
    outcomes = [outcome for replayed in workloads for outcome in replayed.outcomes[policies]]
    counts = Counter(run.status for run in outcomes if run.status != RunStatus.FINISHED)
    if not counts:
        return []
    listed = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
    return [
        f"of {len(outcomes)} runs {listed}: their logs are shorter than planned, and lost is "
        "relative to where they end"
    ]


def _optimistic(workloads: Sequence[ReplayedWorkload], sets: Sequence[PolicySet]) -> list[str]:
    """A policy that watches the metric which judges it chose its stop by these very values."""
    metrics = [
        replayed.metric
        for replayed in workloads
        if any(replayed.metric in replayed.watched[policies] for policies in sets)
    ]
    if not metrics:
        return []
    tried = f", and {len(sets)} settings are tried on the same runs" if len(sets) > 1 else ""
    return [
        "optimistic: policies watch the metric that they are judged by "
        f"({', '.join(dict.fromkeys(metrics))}){tried}; metric=NAME judges by another metric, and "
        "only fresh runs are free of both"
    ]


def _methods(sets: Sequence[PolicySet], axis: Axis) -> list[str]:
    stoppers = [policy.stopper for policies in sets for policy in policies.policies]
    notes = ["a stop between two evaluations keeps the best value before it"]
    if axis == "seconds" or any(getattr(stopper, "seconds", None) for stopper in stoppers):
        notes.append("seconds between rows of the log are interpolated")
    if any(isinstance(stopper, ComparesTrials) for stopper in stoppers):
        notes.append("pruner: each run is a trial, one after another in the order of their start")
    return notes
