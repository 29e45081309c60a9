"""`genrun show` of a sweep: its plan, its progress, and its results so far."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genrun.core.errors import GenrunError
from genrun.core.status import RunStatus
from genrun.results.record import RunRecord
from genrun.results.summary.summary import Summary, summarize
from genrun.results.summary.tables import print_tables
from genrun.runs.lock import describe_writer
from genrun.sweeps.plan import SweepPlan, read_plan
from genrun.terminal.tables import print_fields, print_line

MOST_UNDER_WAY = 10


def show_sweep(folder: Path) -> None:
    """Shows any sweep, finished or not, and updates the files of its summary if it can.

    Raises `CheckpointUnusable` if the plan itself is damaged.
    """
    plan = read_plan(folder)
    summary = summarize(folder, plan.jobs)
    counts = Counter(record.status for record in summary.records)
    facts: dict[str, Any] = {
        "sweep": folder,
        **describe(plan),
        "state": _state(summary) if plan.search is None else None,
        **(_search(folder, plan) if plan.search is not None else {}),
        "jobs": f"{len(plan.jobs)}: " + ", ".join(f"{n} {status}" for status, n in counts.items()),
        "picture": summary.picture,
    }
    print_fields(facts)
    print_tables(summary.configurations, summary.records)
    _print_under_way(summary.records)
    if summary.unwritten is not None:
        print_line(f"note: {summary.unwritten}")


def _search(folder: Path, plan: SweepPlan) -> dict[str, str]:
    """Returns the result and progress of a search, or why its journal cannot be read."""
    from genrun.results.summary.search import search_facts
    from genrun.sweeps.search.status import search_status

    try:
        found, facts = search_status(folder, plan), search_facts(folder, plan)
    except GenrunError as error:
        return {"state": str(error)}
    rest = found.left + found.failed
    state = f"{rest} trials not done; resume with: genrun resume {folder}" if rest else "complete"
    return {"state": "a process works on it" if found.running_elsewhere else state, **facts}


def _state(summary: Summary) -> str:
    """Returns which process runs the sweep, or the command that resumes it."""
    rest = sum(record.left or record.status == RunStatus.FAILED for record in summary.records)
    if (who := describe_writer(summary.folder)) is not None:
        return who
    return f"{rest} not done; resume with: genrun resume {summary.folder}" if rest else "complete"


def _print_under_way(records: Sequence[RunRecord]) -> None:
    """Prints the jobs that have started and not ended, whether or not a process runs them."""
    begun = [run for run in records if run.left and run.status != RunStatus.MISSING]
    for run in begun[:MOST_UNDER_WAY]:
        of = f" of {run.steps}" if run.steps else ""
        print_line(f"{run.name}: {run.status}, step {run.usage.steps or 0}{of}")
    if len(begun) > MOST_UNDER_WAY:
        print_line(f"and {len(begun) - MOST_UNDER_WAY} more")


def describe(plan: SweepPlan) -> dict[str, Any]:
    """Describes a plan for `genrun show`."""
    return {"command": f"genrun -m {shlex.join(plan.words)}"}
