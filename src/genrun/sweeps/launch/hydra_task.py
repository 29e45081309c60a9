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

_own_sweep: tuple[int, SweepPlan, Interrupt] | None = None  # process, plan and signals


def task(config: Any) -> str:
    """Trains the job whose folder Hydra's configuration names, as the plan there describes it.

    Nothing but the folder and the plugins is taken from Hydra's configuration. If a launcher runs
    jobs in the sweep's own process, an interrupted job ends the sweep, as does one that a cluster
    preempts: raises `SystemExit`.
    """
    settings = HydraConfig.get()
    sweep, name = Path(str(settings.sweep.dir)), str(settings.sweep.subdir)
    plugins = list(config.plugins)
    if _own_sweep is not None and _own_sweep[0] == os.getpid():
        from genrun.sweeps.job import run_job
        from genrun.terminal.display import display

        _, plan, signals = _own_sweep
        if plan.search is not None:  # it has grown since
            plan = read_plan(sweep)
        status = run_job(sweep, plan.job(name), plugins, display(), signals)
        leave = status == RunStatus.INTERRUPTED
    else:
        from genrun.sweeps.launch.cluster_job import (
            is_requeued,
            run_in_child_process,
            threads_of,
        )

        job = read_plan(sweep).job(name)
        status = run_in_child_process(sweep, job, plugins, threads_of(settings.launcher))
        leave = is_requeued(sweep, status)
    if leave:
        raise SystemExit(STATUS_EXIT_CODES[RunStatus.INTERRUPTED])
    return status


@contextmanager
def sweep_in_this_process(plan: SweepPlan) -> Iterator[Interrupt]:
    """While open, jobs called in this process are the sweep's own; yields its signals."""
    global _own_sweep
    with Interrupt() as signals:
        _own_sweep = os.getpid(), plan, signals
        try:
            yield signals
        finally:
            _own_sweep = None
