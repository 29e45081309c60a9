"""Whether the disk has room for a run's checkpoints, asked before it trains."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from genrun.core.errors import OutputFailed

if TYPE_CHECKING:  # a sweep's parent asks for room without importing torch
    pass

CHECKPOINTS = 2  # a new one is written before an old one goes
MEGABYTE = 1e6


def check_disk_space(folder: Path, needed: int, runs: int = 1) -> None:
    """Raises `OutputFailed` where two checkpoints of `needed` bytes for each run would not fit."""
    # Path.exists raises for a name that is too long; claiming the folder will say so
    there = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    needed, free = CHECKPOINTS * needed * runs, shutil.disk_usage(there).free
    if free < needed:
        each = f" of each of {runs} jobs" if runs > 1 else ""
        raise OutputFailed(
            f"{there}: two checkpoints{each} need about {needed / MEGABYTE:.1f} MB and "
            f"{free / MEGABYTE:.1f} MB are free"
        )
