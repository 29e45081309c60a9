"""A sweep: planned from a command line or opened from its folder, then run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from genrun.config.compose import Composed, compose_each
from genrun.config.multirun import expand_seeds, split_sweep, without_sweep_overrides
from genrun.core.errors import ConfigError
from genrun.core.process_rank import check_single_process
from genrun.core.protocols.tracker import ONLINE
from genrun.runs.files import claim_folder
from genrun.runs.lock import lock_folder
from genrun.sweeps.job_state import job_states
from genrun.sweeps.launch import fork_server
from genrun.sweeps.launch.launch import LaunchSettings, run_jobs
from genrun.sweeps.launch.process_pool import OWN_LAUNCHER, JobList
from genrun.sweeps.plan import SweepPlan, make_jobs, read_plan
from genrun.sweeps.preflight import check_jobs, check_launcher, join_messages
from genrun.sweeps.pruner_study import check_no_pruner
from genrun.sweeps.search.search import TRIALS_KEY, create_search, is_search, prepare_resume
from genrun.terminal.tables import print_line


@dataclass
class Sweep:
    """A sweep's folder, its plan, and how its jobs are launched. A search extends the plan."""

    folder: Path
    plan: SweepPlan
    launch: LaunchSettings

    def run(self) -> None:
        """Runs every job that has no result yet.

        Raises `SweepPaused` if it ended before all jobs had run. A job that fails raises nothing:
        its run.json records the failure.
        """
        if self.plan.search is None:
            states = job_states(self.folder, self.plan.jobs)
            missing = [state.job for state in states if not state.has_result]
            if missing:
                run_jobs(self.folder, self.plan, JobList(missing), self.launch)
            return
        from genrun.sweeps.search.job_source import open_search

        try:
            with open_search(self.folder) as source:
                run_jobs(self.folder, self.plan, source, self.launch)
        finally:
            self.plan = read_plan(self.folder)


@contextmanager
def create_sweep(words: Sequence[str], config_dir: str | None) -> Iterator[Sweep]:
    """Plans the sweep of a command line; while open, this process is its only writer.

    Raises `ConfigError` listing every invalid point; then nothing has been created.
    """
    if not any(word.startswith("hydra/launcher=") for word in words):
        fork_server.warm_up()  # it imports torch while the points are composed
    expanded = expand_seeds(words)
    check_offline(expanded)
    if is_search(expanded, config_dir):
        yield Sweep(*create_search(words, expanded, config_dir))
        return
    points = _check_points(compose_each(split_sweep(expanded, config_dir), config_dir))
    jobs, repeated = make_jobs(points)
    first = points[0]
    for job in jobs:
        check_no_pruner(job.config)
    check_launcher(first.launcher, jobs)
    path = first.sweep_folder.absolute()
    if first.launcher["_target_"] == OWN_LAUNCHER:
        check_jobs(jobs, path, len(jobs))
    folder = claim_folder(path)
    if folder != path:
        print_line(f"{path.name} exists; this sweep's folder is {folder.name}")
    if repeated:
        print_line(f"listed twice, run once: {'; '.join(repeated)}")
    with lock_folder(folder):
        plan = SweepPlan(list(words), jobs)
        plan.write(folder)
        yield Sweep(
            folder,
            plan,
            LaunchSettings.from_composed(first, without_sweep_overrides(expanded), config_dir),
        )


@contextmanager
def open_sweep(folder: Path, words: Sequence[str]) -> Iterator[Sweep]:
    """Opens a sweep to run the jobs that have no result.

    `words` may choose another launcher and list plugins; for a search they may also set the
    number of trials. Raises `ConfigError` for any other.
    """
    check_single_process("genrun resume of a sweep")
    plan = read_plan(folder)
    trials = [word for word in words if plan.search is not None and word.startswith(TRIALS_KEY)]
    words = [word for word in words if word not in trials]
    for word in words:
        if not word.lstrip("+").startswith(("hydra/launcher=", "hydra.launcher.", "plugins=")):
            raise ConfigError(
                f"{word}: a sweep is resumed as it was planned; only hydra/launcher, "
                "hydra.launcher.KEY and plugins can be set"
            )
    (composed,) = _check_points(compose_each([words], None))
    check_launcher(composed.launcher, plan.jobs)
    if plan.search is not None:
        prepare_resume(folder, trials)
    # several processes may run one search: they lock it only to draw trials and to plan
    with nullcontext() if plan.search else lock_folder(folder):
        yield Sweep(folder.absolute(), plan, LaunchSettings.from_composed(composed, words, None))


def check_offline(words: Sequence[str]) -> None:
    """Raises `ConfigError` for a tracker's online mode: jobs are always tracked offline.

    A plan is untrusted when a sweep is resumed, so its jobs must not contact a server.
    """
    for word in words:
        if word.lstrip("+").startswith("tracker.") and ONLINE in word.partition("=")[2]:
            raise ConfigError(
                f"{word}: a sweep's jobs are tracked offline; upload them when they have ended "
                "(wandb sync)"
            )


def _check_points(points: Sequence[Composed | ConfigError]) -> list[Composed]:
    """Returns the points. Raises `ConfigError` listing all that are invalid."""
    errors = list(dict.fromkeys(str(point) for point in points if isinstance(point, ConfigError)))
    if errors:
        raise ConfigError(join_messages(errors))
    return [point for point in points if isinstance(point, Composed)]
