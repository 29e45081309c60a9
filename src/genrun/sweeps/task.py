"""What Hydra's other launchers call for each job, in whatever process they made for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig

from genrun.core.errors import EXIT_CODE_OF_STATUS
from genrun.sweeps.plan import read_plan

_sweeping = 0  # the process that runs the sweep, where it is this one


def task(config: Any) -> str:
    """Trains the job whose folder Hydra was told, as the plan there describes it.

    Nothing but the folder and the plugins is taken from Hydra's configuration. Where a launcher
    runs jobs in the sweep's own process, an interrupted one ends them all: raises `SystemExit`.
    """
    from genrun.sweeps.job import run_job
    from genrun.terminal.choose import display

    settings = HydraConfig.get().sweep
    sweep = Path(str(settings.dir))
    job = read_plan(sweep).job(str(settings.subdir))
    status = run_job(sweep, job, list(config.plugins), display())
    if status == "interrupted" and os.getpid() == _sweeping:
        raise SystemExit(EXIT_CODE_OF_STATUS["interrupted"])
    return status


def sweep_here() -> None:
    """Says that the sweep is this process's."""
    global _sweeping
    _sweeping = os.getpid()
