"""Running the jobs of a sweep: in genrun's own pool of processes, or by a launcher of Hydra."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from genrun.config.compose import Composed
from genrun.core.errors import SweepPaused
from genrun.sweeps.job_state import job_state, job_states
from genrun.sweeps.launch import fork_server
from genrun.sweeps.launch.process_pool import OWN_LAUNCHER, JobSource, ProcessPool, read_job_limits
from genrun.sweeps.launch.resources import allocate
from genrun.sweeps.plan import SweepPlan
from genrun.terminal.sweep import sweep_display
from genrun.training.interrupt import Interrupt


@dataclass(frozen=True)
class LaunchSettings:
    """The launcher that the command line chose for a sweep's jobs, and its settings."""

    launcher: Mapping[str, Any]  # hydra.launcher, resolved
    plugins: Sequence[str]  # modules that jobs may import
    overrides: Sequence[str]  # of the command line, from which Hydra's launchers are made
    config_dir: str | None

    @classmethod
    def from_composed(
        cls, composed: Composed, overrides: Sequence[str], config_dir: str | None
    ) -> LaunchSettings:
        """Returns the settings of a composed command line."""
        return cls(composed.launcher, composed.config["plugins"], overrides, config_dir)


def run_jobs(sweep: Path, plan: SweepPlan, source: JobSource, settings: LaunchSettings) -> None:
    """Runs jobs until the source has no more. Raises `SweepPaused` if some were not run."""
    if settings.launcher["_target_"] == OWN_LAUNCHER:
        _run_in_pool(sweep, plan, source, settings)
        return
    from genrun.sweeps.launch.hydra_launchers import open_launcher

    with open_launcher(sweep, plan, settings) as runner:
        while jobs := list(islice(iter(source.take, None), source.batch_size)):
            runner.launch(jobs)
            for job in jobs:
                source.job_ended(job_state(sweep, job))


def _run_in_pool(
    sweep: Path, plan: SweepPlan, source: JobSource, settings: LaunchSettings
) -> None:
    sample = source.sample_jobs()
    if not sample:
        return
    slots = allocate(sample, settings.launcher["jobs"], fork_server.count_gpus(), source.max_jobs)
    done = [state for state in job_states(sweep, plan.jobs) if state.has_result]
    with Interrupt() as signals, sweep_display(done, count_expected_jobs(plan)) as display:
        limits = read_job_limits(settings.launcher)
        pool = ProcessPool(sweep, list(settings.plugins), slots, limits, display)
        why = pool.run(source, signals)
    if why:
        raise SweepPaused(f"{why}; resume with: genrun resume {os.path.relpath(sweep)}")


def count_expected_jobs(plan: SweepPlan) -> int | None:
    """Returns how many jobs a sweep will have; None if a search decides that as it runs."""
    if plan.search is None:
        return len(plan.jobs)
    # with several seeds, a pruned trial has fewer runs
    return int(plan.search["trials"]) if len(plan.search["seeds"]) == 1 else None
