"""A whole replay: from run folders and words to what there is to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genrun.core.errors import ConfigError, InputMissing
from genrun.core.numbers import to_plain
from genrun.core.progress_bar import progress
from genrun.replay.notes import Part, notes_of
from genrun.replay.outcome import Outcome
from genrun.replay.policies import Policies, PolicySet
from genrun.replay.replay_runs import Replayed, replay_workload
from genrun.replay.summary import Panel, of_all, of_workload
from genrun.results.collect import Found, collect
from genrun.results.curve import Axis
from genrun.results.grouping import Workload, group_runs

KIND = "replay"
FORMAT = 1


@dataclass(frozen=True)
class Replay:
    """Panels, that of all workloads first where there are several; each run's outcomes by set."""

    axis: Axis
    panels: list[Panel]
    outcomes: dict[str, list[Outcome]]
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        """Strict JSON: what is not finite is null."""
        content = {
            "kind": KIND,
            "format": FORMAT,
            "axis": self.axis,
            "panels": [asdict(panel) for panel in self.panels],
            "runs": {
                label: [
                    {**asdict(each), "saved": each.saved, "lost": each.lost, "regret": each.regret}
                    for each in outcomes
                ]
                for label, outcomes in self.outcomes.items()
            },
            "notes": self.notes,
        }
        plain: dict[str, Any] = to_plain(content)
        return plain


def replay_runs(
    paths: Sequence[str | Path], policies: Policies, metric: str | None, axis: Axis
) -> Replay:
    """Reads the runs and replays every set of policies over each.

    Raises `InputMissing` where no run can be replayed, and `ConfigError`.
    """
    found = collect(paths)
    ended = [run for run in found.records if not run.left]
    if not ended:
        raise InputMissing(f"{', '.join(map(str, paths))}: no run that has ended is there")
    arrangement = group_runs(ended, metric=metric)
    parts = []
    with progress("replaying", len(ended)) as advance:
        for workload in arrangement.workloads:
            parts.append(Part(workload, replay_workload(workload, policies.sets, axis, advance)))
    sets = _suiting(policies.sets, [part.replayed for part in parts])
    parts = [part for part in parts if part.replayed.outcomes[sets[0]]]
    if not parts:
        raise InputMissing(f"{', '.join(map(str, paths))}: no run has a log to replay")
    unread = [f"left out: {why}" for why in found.damaged.values()]
    notes = [*policies.notes, *unread, *_left(found), *arrangement.notes]
    outcomes = {
        each.label: [one for part in parts for one in part.replayed.outcomes[each]]
        for each in sets
    }
    panels = _panels(parts, sets)
    return Replay(axis, panels, outcomes, [*notes, *notes_of(parts, sets, panels, axis)])


def _suiting(sets: Sequence[PolicySet], replayed: Sequence[Replayed]) -> list[PolicySet]:
    """The sets whose policies suit all runs."""
    unsuited = {policy: why for one in replayed for policy, why in one.unsuited.items()}
    kept = [each for each in sets if not any(policy in unsuited for policy in each.policies)]
    if not kept:
        raise ConfigError(
            f"stopping: no policy suits these runs ({next(iter(unsuited.values()))})"
        )
    return kept


def _left(found: Found) -> list[str]:
    """Runs that have not ended have a log that will go on."""
    return [f"{run.name}: {run.status}; left out" for run in found.records if run.left]


def _panels(parts: Sequence[Part], sets: Sequence[PolicySet]) -> list[Panel]:
    panels = [_panel(part.workload, part.replayed, sets) for part in parts]
    if len(panels) == 1:
        return panels
    whole = of_all(
        [(each.label, [part.replayed.outcomes[each] for part in parts]) for each in sets]
    )
    return panels if whole is None else [whole, *panels]


def _panel(workload: Workload, replayed: Replayed, sets: Sequence[PolicySet]) -> Panel:
    by_label = [(each.label, replayed.outcomes[each]) for each in sets]
    return of_workload(workload.label, workload.metric, by_label)
