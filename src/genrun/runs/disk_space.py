"""Whether the disk has room for a run's checkpoints, asked before it trains."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from genrun.core.errors import OutputFailed

if TYPE_CHECKING:  # a sweep's parent asks for room without importing torch
    from genrun.experiment.build import Built

CHECKPOINTS = 2  # a new one is written before an old one goes
STATES = 2  # numbers an optimizer keeps for each parameter, at most for most
MEGABYTE = 1e6


def check_room(folder: Path, needed: int, runs: int = 1) -> None:
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


def checkpoint_bytes(built: Built) -> int:
    """About what a checkpoint takes: networks, averages, what optimizers and updates keep."""
    trial = built.trial
    networks = sum(t.numel() * t.element_size() for t in trial.nets.state_dict().values())
    trained = sum(p.numel() * p.element_size() for p in trial.nets.parameters())
    averaged = networks if trial.average.nets is not trial.nets else 0
    kept = [t for memory in trial.memory.values() for own in memory.values() for t in own]
    remembered = sum(t.numel() * t.element_size() for t in kept)
    groups = [group for o in trial.optimizers.values() for group in o.param_groups]
    pairs = max(group.get("history_size", 0) for group in groups)  # of L-BFGS, as large as weights
    return int(networks + averaged + remembered + (STATES + 2 * pairs) * trained)
