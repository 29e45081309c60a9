"""Which checkpoint a run goes on from. Nothing is changed until one is found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnreadable, CheckpointUnusable
from genrun.runs import layout
from genrun.runs.checkpoint import Checkpoint, list_checkpoints, read_checkpoint
from genrun.runs.files import hash_file, set_aside


@dataclass
class LatestCheckpoint:
    """The newest sound checkpoint that fits the log, and the newer ones that do not serve."""

    checkpoint: Checkpoint | None  # None: the run had not got as far as its first
    rejected: list[tuple[Path, str]] = field(default_factory=list)  # with what is wrong

    def set_aside(self) -> list[str]:
        """Renames what was passed over, and gives the names: left in place, they would be taken
        for the latest when old ones are removed."""
        for path, why in self.rejected:
            set_aside(path, why)
        return [path.name for path, _ in self.rejected]


def find_latest_checkpoint(folder: Path) -> LatestCheckpoint:
    """Changes nothing on disk.

    Raises `CheckpointUnusable` where there were checkpoints and none is sound and fits the log: a
    run never starts anew in silence.
    """
    newest = LatestCheckpoint(None)
    for path in list_checkpoints(folder / layout.CHECKPOINTS):
        try:
            checkpoint = read_checkpoint(path)
        except CheckpointUnreadable:
            raise
        except CheckpointUnusable:
            newest.rejected.append((path, "corrupt"))
            continue
        if _log_matches(folder / layout.METRICS, checkpoint.record["log"]):
            newest.checkpoint = checkpoint
            return newest
        newest.rejected.append((path, "stale"))
    if newest.rejected or _had_one(folder):
        raise CheckpointUnusable(
            f"{folder}: none of its checkpoints is sound and fits its metrics.jsonl"
        )
    return newest


def _had_one(folder: Path) -> bool:
    """The first checkpoint comes right after the row of step 0: later rows tell that it was."""
    if any((folder / layout.CHECKPOINTS).glob("*ckpt-*.safetensors")):
        return True
    path = folder / layout.METRICS
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    return any(line.endswith(b"\n") and not _of_step_0(line) for line in lines)


def _of_step_0(line: bytes) -> bool:
    try:
        return bool(json.loads(line)["step"] == 0)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _log_matches(path: Path, expected: Mapping[str, Any]) -> bool:
    length = expected["length"]
    if not path.is_file():
        return bool(length == 0)
    if path.stat().st_size < length:
        return False
    return bool(hash_file(path, length).hexdigest() == expected["sha256"])
