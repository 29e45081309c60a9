"""From what a sweep still misses to a launcher: genrun's own, or any of Hydra's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from genrun.core.errors import SweepPaused
from genrun.sweeps.job_state import job_states
from genrun.sweeps.launch import fork_server
from genrun.sweeps.launch.hydra_launchers import TakesSource, engine_of, lines_of, name_in
from genrun.sweeps.launch.process_pool import JobList, JobSource, Pool, limits_of
from genrun.sweeps.launch.resources import allocate
from genrun.sweeps.plan import Job, read_plan
from genrun.terminal.sweep import sweep_display
from genrun.training.interrupt import Interrupt


def launch_missing(config: DictConfig, launcher: Launcher) -> None:
    """Every job of the plan that has no result yet; of a search, those it makes as it goes."""
    sweep = Path(str(config.hydra.sweep.dir))
    plan = read_plan(sweep)
    if plan.search is not None:
        from genrun.sweeps.search.job_source import run_search

        run_search(sweep, launcher, list(config.plugins))
        return
    missing = [s.job for s in job_states(sweep, plan.jobs) if not s.has_result]
    if not missing:
        return
    if isinstance(launcher, TakesSource):
        launcher.launch(lines_of(missing), 0)
    else:
        with engine_of(sweep, launcher, list(config.plugins)) as engine:
            engine.launch(missing)


def launch_processes(
    config: DictConfig, settings: Mapping[str, Any], job_overrides: Sequence[Sequence[str]]
) -> None:
    """Jobs as processes of this machine. Raises `SweepPaused` where some were not run."""
    plan = read_plan(Path(str(config.hydra.sweep.dir)))
    jobs = [plan.job(name_in(line)) for line in job_overrides]
    run_pool(config, settings, JobList(jobs), jobs, len(jobs))


def run_pool(
    config: DictConfig,
    settings: Mapping[str, Any],
    source: JobSource,
    like: Sequence[Job],
    most: int,
) -> None:
    """Runs what a source gives, `most` jobs at most, on places that suit jobs `like` these."""
    sweep = Path(str(config.hydra.sweep.dir))
    slots = allocate(like, settings["jobs"], fork_server.gpus(), most)
    plan = read_plan(sweep)
    done = [state for state in job_states(sweep, plan.jobs) if state.has_result]
    total: int | None = len(plan.jobs)
    if plan.search is not None:  # pruned trials have no runs with other seeds
        total = plan.search["trials"] if len(plan.search["seeds"]) == 1 else None
    with Interrupt() as signals, sweep_display(done, total) as display:
        pool = Pool(sweep, list(config.plugins), slots, limits_of(settings), display)
        why = pool.run(source, signals)
    if why:
        raise SweepPaused(f"{why}; go on with: genrun resume {os.path.relpath(sweep)}")
