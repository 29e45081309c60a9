"""What a sweep found: a row a job in summary.json, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genrun.runs.files import write_json
from genrun.sweeps.ledger import JobState
from genrun.terminal.tables import print_table


def summarize(folder: Path, rows: Sequence[JobState]) -> list[dict[str, Any]]:
    """Writes summary.json and gives its rows, in the order of the plan."""
    jobs = [
        {
            "name": row.job.name,
            "status": row.status,
            "reason": row.reason,
            "monitor": row.info.get("monitor"),
            "best": row.best,
        }
        for row in rows
    ]
    write_json(folder / "summary.json", {"jobs": jobs})
    return jobs


def show_summary(jobs: Sequence[dict[str, Any]]) -> None:
    """Best first."""
    done = sorted(jobs, key=lambda row: (row["best"] is None, row["best"] or 0))
    keys = ("name", "status", "monitor", "best", "reason")
    columns = ("job", "status", "judged by", "best", "why it ended")
    print_table(columns, [[row[key] for key in keys] for row in done], title="sweep")
