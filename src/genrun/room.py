"""Whether the disk has room for a run's checkpoints, asked before it trains."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from genrun.build import Built
from genrun.core.errors import OutputFailed

CHECKPOINTS = 2  # a new one is written before an old one goes
STATES = 2  # numbers an optimizer keeps for each parameter, at most for most
MEGABYTE = 1e6


def check_room(folder: Path, built: Built) -> None:
    """Raises `OutputFailed` where two checkpoints would not fit beside what is there."""
    # Path.exists raises for a name that is too long; claiming the folder will say so
    there = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    needed, free = CHECKPOINTS * checkpoint_bytes(built), shutil.disk_usage(there).free
    if free < needed:
        raise OutputFailed(
            f"{there}: two checkpoints need about {needed / MEGABYTE:.1f} MB and "
            f"{free / MEGABYTE:.1f} MB are free"
        )


def checkpoint_bytes(built: Built) -> int:
    """About what a checkpoint takes: networks, their average, and the optimizers' state."""
    trial = built.trial
    networks = sum(t.numel() * t.element_size() for t in trial.nets.state_dict().values())
    trained = sum(p.numel() * p.element_size() for p in trial.nets.parameters())
    averaged = networks if trial.average.nets is not trial.nets else 0
    return int(networks + averaged + STATES * trained)
