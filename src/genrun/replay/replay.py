"""`genrun replay` as a function: from run folders and policies to panels, outcomes and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genrun.core.errors import ConfigError, InputMissing
from genrun.core.numbers import to_plain
from genrun.core.progress_bar import progress
from genrun.replay.notes import build_notes
from genrun.replay.outcome import ReplayOutcome
from genrun.replay.policies import ParsedPolicies, PolicySet
from genrun.replay.replay_runs import ReplayedWorkload, replay_workload
from genrun.replay.summary import ReplayPanel, summarize_all, summarize_workload
from genrun.results.collect import Found, collect
from genrun.results.curve import Axis
from genrun.results.grouping import group_runs

KIND = "replay"
FORMAT = 1


@dataclass(frozen=True)
class Replay:
    """Panels, of all workloads first if there are several; each run's outcomes by set."""

    axis: Axis
    panels: list[ReplayPanel]
    outcomes: dict[str, list[ReplayOutcome]]
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        """Returns strict JSON; numbers that are not finite become null."""
        content = {
            "kind": KIND,
            "format": FORMAT,
            "axis": self.axis,
            "panels": [asdict(panel) for panel in self.panels],
            "runs": {
                label: [
                    {**asdict(run), "saved": run.saved, "lost": run.lost, "regret": run.regret}
                    for run in outcomes
                ]
                for label, outcomes in self.outcomes.items()
            },
            "notes": self.notes,
        }
        plain: dict[str, Any] = to_plain(content)
        return plain


def replay_runs(
    paths: Sequence[str | Path], parsed: ParsedPolicies, metric: str | None, axis: Axis
) -> Replay:
    """Reads the runs and replays every set of policies over each.

    Raises `InputMissing` if no run can be replayed, and `ConfigError` if a policy, the metric or
    the axis cannot be used.
    """
    found = collect(paths)
    ended = [run for run in found.records if not run.left]
    if not ended:
        raise InputMissing(f"{', '.join(map(str, paths))}: no run here has ended")
    grouped = group_runs(ended, metric=metric)
    with progress("replaying", len(ended)) as advance:
        replayed = [
            replay_workload(workload, parsed.sets, axis, advance) for workload in grouped.workloads
        ]
    sets = _compatible_sets(parsed.sets, replayed)
    replayed = [workload for workload in replayed if workload.outcomes[sets[0]]]
    if not replayed:
        raise InputMissing(f"{', '.join(map(str, paths))}: no run has a log to replay")
    panels = _build_panels(replayed, sets)
    outcomes = {
        policies.label: [run for workload in replayed for run in workload.outcomes[policies]]
        for policies in sets
    }
    damaged = [f"left out: {reason}" for reason in found.damaged.values()]
    notes = [*parsed.notes, *damaged, *_unfinished(found), *grouped.notes]
    return Replay(axis, panels, outcomes, [*notes, *build_notes(replayed, sets, panels, axis)])


def _compatible_sets(
    sets: Sequence[PolicySet], replayed: Sequence[ReplayedWorkload]
) -> list[PolicySet]:
    """The sets whose policies are compatible with all runs."""
    reasons = {
        policy: reason for workload in replayed for policy, reason in workload.incompatible.items()
    }
    compatible = [
        policies for policies in sets if not any(policy in reasons for policy in policies.policies)
    ]
    if not compatible:
        reason = next(iter(reasons.values()))
        raise ConfigError(f"stopping: no policy can be replayed over these runs ({reason})")
    return compatible


def _unfinished(found: Found) -> list[str]:
    """Notes on runs that have not ended, whose logs are incomplete."""
    return [f"{run.name}: {run.status}; left out" for run in found.records if run.left]


def _build_panels(
    replayed: Sequence[ReplayedWorkload], sets: Sequence[PolicySet]
) -> list[ReplayPanel]:
    panels = [
        summarize_workload(
            workload.label,
            workload.metric,
            [(policies.label, workload.outcomes[policies]) for policies in sets],
        )
        for workload in replayed
    ]
    if len(panels) == 1:
        return panels
    overall = summarize_all(
        [
            (policies.label, [workload.outcomes[policies] for workload in replayed])
            for policies in sets
        ]
    )
    return panels if overall is None else [overall, *panels]
