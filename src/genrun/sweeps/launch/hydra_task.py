"""The function that Hydra's launchers call for each job, in whatever process they made for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig

from genrun.core.errors import STATUS_EXIT_CODES
from genrun.core.status import RunStatus
from genrun.sweeps.plan import SweepPlan, read_plan
from genrun.training.interrupt import Interrupt

_current_sweep: tuple[int, SweepPlan, Interrupt] | None = None  # process, plan and signals


def task(config: Any) -> str:
    """Trains the job whose folder Hydra's configuration names, as the plan there describes it.

    Only the folder and the plugins are taken from Hydra's configuration. Raises `SystemExit` if
    the job was interrupted in the sweep's own process, or is to be queued again by Slurm.
    """
    settings = HydraConfig.get()
    sweep, name = Path(str(settings.sweep.dir)), str(settings.sweep.subdir)
    plugins = list(config.plugins)
    if _current_sweep is not None and _current_sweep[0] == os.getpid():
        from genrun.sweeps.job import run_job
        from genrun.terminal.display import create_display

        _, plan, signals = _current_sweep
        if plan.search is not None:  # jobs have been added since
            plan = read_plan(sweep)
        status = run_job(sweep, plan.get_job(name), plugins, create_display(), signals)
        exits = status == RunStatus.INTERRUPTED
    else:
        from genrun.sweeps.launch.cluster_job import (
            count_threads,
            is_requeued,
            run_in_child_process,
        )

        job = read_plan(sweep).get_job(name)
        status = run_in_child_process(sweep, job, plugins, count_threads(settings.launcher))
        exits = is_requeued(sweep, status)
    if exits:
        raise SystemExit(STATUS_EXIT_CODES[RunStatus.INTERRUPTED])
    return status


@contextmanager
def sweep_in_this_process(plan: SweepPlan) -> Iterator[Interrupt]:
    """While open, `task` trains in this process; yields the signals that it has received."""
    global _current_sweep
    with Interrupt() as signals:
        _current_sweep = os.getpid(), plan, signals
        try:
            yield signals
        finally:
            _current_sweep = None
