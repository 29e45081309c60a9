"""Which checkpoint a run resumes from. Nothing on disk changes until one is found."""

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
    """The latest sound checkpoint that matches the log, and newer ones that cannot be used."""

    checkpoint: Checkpoint | None  # None: the run was interrupted before its first
    rejected: list[tuple[Path, str]] = field(default_factory=list)  # with `corrupt` or `stale`

    def set_aside(self) -> list[str]:
        """Renames the rejected files, and returns their former names.

        Left in place, they would count as the latest when old checkpoints are removed.
        """
        for path, why in self.rejected:
            set_aside(path, why)
        return [path.name for path, _ in self.rejected]


def find_latest_checkpoint(folder: Path) -> LatestCheckpoint:
    """Returns the checkpoint to resume from; changes nothing on disk.

    Raises `CheckpointUnusable` if the run had checkpoints and none is sound and matches the log: a
    run never restarts silently.
    """
    latest = LatestCheckpoint(None)
    for path in list_checkpoints(folder / layout.CHECKPOINTS):
        try:
            checkpoint = read_checkpoint(path)
        except CheckpointUnreadable:
            raise
        except CheckpointUnusable:
            latest.rejected.append((path, "corrupt"))
            continue
        if _log_matches(folder / layout.METRICS, checkpoint.record["log"]):
            latest.checkpoint = checkpoint
            return latest
        latest.rejected.append((path, "stale"))
    if latest.rejected or _had_a_checkpoint(folder):
        raise CheckpointUnusable(
            f"{folder}: none of its checkpoints is sound and matches its metrics.jsonl"
        )
    return latest


def _had_a_checkpoint(folder: Path) -> bool:
    """Whether a checkpoint was ever written: the first one follows the row of step 0."""
    if any((folder / layout.CHECKPOINTS).glob("*ckpt-*.safetensors")):
        return True
    path = folder / layout.METRICS
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    return any(line.endswith(b"\n") and not _is_row_of_step_0(line) for line in lines)


def _is_row_of_step_0(line: bytes) -> bool:
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
