"""What Hydra's other launchers call for each job, in whatever process they made for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig

from genrun.core.errors import STATUS_EXIT_CODES
from genrun.core.status import RunStatus
from genrun.sweeps.plan import read_plan
from genrun.training.interrupt import Interrupt

_sweep: tuple[int, Interrupt] | None = None  # whose process it is, and what signals came to it


def task(config: Any) -> str:
    """Trains the job whose folder Hydra was told, as the plan there describes it.

    Nothing but the folder and the plugins is taken from Hydra's configuration. Where a launcher
    runs jobs in the sweep's own process, an interrupted one ends them all, as one ends that a
    cluster wants to have its place back from: raises `SystemExit`.
    """
    settings = HydraConfig.get()
    sweep = Path(str(settings.sweep.dir))
    job = read_plan(sweep).job(str(settings.sweep.subdir))
    plugins = list(config.plugins)
    if _sweep is not None and _sweep[0] == os.getpid():
        from genrun.sweeps.job import run_job
        from genrun.terminal.display import display

        status = run_job(sweep, job, plugins, display(), _sweep[1])
        leave = status == RunStatus.INTERRUPTED
    else:
        from genrun.sweeps.launch.cluster_job import (
            is_to_be_queued_again,
            run_in_child_process,
            threads_of,
        )

        status = run_in_child_process(sweep, job, plugins, threads_of(settings.launcher))
        leave = is_to_be_queued_again(sweep, status)
    if leave:
        raise SystemExit(STATUS_EXIT_CODES[RunStatus.INTERRUPTED])
    return status


@contextmanager
def sweep_here() -> Iterator[Interrupt]:
    """While open, the sweep is this process's; what signals come to it."""
    global _sweep
    with Interrupt() as signals:
        _sweep = os.getpid(), signals
        try:
            yield signals
        finally:
            _sweep = None
