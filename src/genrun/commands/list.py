"""`genrun list`: lists the runs below a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genrun.core.errors import CheckpointUnusable, ConfigError, InputMissing
from genrun.core.status import RunStatus
from genrun.runs import layout
from genrun.runs.folder import find_runs
from genrun.runs.lock import describe_writer
from genrun.terminal.tables import print_line, print_table

USAGE = "genrun list [FOLDER]\n  A line for each run below FOLDER (outputs)."


def run(words: Sequence[str]) -> int:
    """Prints a line for each run below a folder."""
    if len(words) > 1 or any("=" in word for word in words):
        raise ConfigError("list takes at most one folder: genrun list [FOLDER]")
    root = Path(words[0] if words else "outputs")
    if not root.is_dir():
        raise InputMissing(f"{root}: there is no such folder")
    rows = []
    for folder in find_runs(root):
        try:
            info = folder.read()
        except CheckpointUnusable as error:
            reason = str(error).removeprefix(f"{folder.path / layout.RUN}: ")
            rows.append((folder.path, reason, *[None] * 5))
            continue
        best = info.get("best") or {}
        choices = " ".join(name for name in info["choices"].values() if name)
        status = info["status"]
        if status == RunStatus.RUNNING and describe_writer(folder.path) is None:
            status = "killed"
        row = (folder.path, status, info.get("step"), info["monitor"], best.get("value"))
        rows.append((*row, best.get("step"), choices))
    if not rows:
        print_line(f"{root}: has no runs yet")
        return 0
    print_table(("run", "status", "steps", "judged by", "best", "at step", "choices"), rows)
    return 0
