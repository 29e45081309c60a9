"""Whether a disk has space for a run's checkpoints, checked before it trains."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from genrun.core.errors import OutputFailed
from genrun.core.formatting import format_bytes

CHECKPOINTS = 2  # a new one is written before an old one is removed


def check_disk_space(folder: Path, checkpoint_bytes: int, runs: int = 1) -> None:
    """Raises `OutputFailed` if two checkpoints of this size for each run would not fit."""
    # not Path.exists, which raises if a name is too long; creating the folder reports that
    existing = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    needed, free = CHECKPOINTS * checkpoint_bytes * runs, shutil.disk_usage(existing).free
    if free < needed:
        each = f" of each of {runs} jobs" if runs > 1 else ""
        raise OutputFailed(
            f"{existing}: two checkpoints{each} need about {format_bytes(needed)} and "
            f"{format_bytes(free)} are free"
        )
