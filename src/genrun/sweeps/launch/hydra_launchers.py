"""Launchers of Hydra: basic, joblib, submitit and Ray, each of which takes a list of jobs."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from hydra.plugins.launcher import Launcher

from genrun.config.compose import hydra_ready
from genrun.config.hydra_internals import BasicLauncher, instantiate_launcher
from genrun.config.hydra_main import quote_path
from genrun.config.overrides import hydra_overrides
from genrun.core.errors import CheckpointUnusable, ConfigError, SweepPaused, output_errors
from genrun.core.status import RunStatus
from genrun.runs.folder import RunFolder
from genrun.sweeps.job_state import job_states
from genrun.sweeps.launch.hydra_task import sweep_in_this_process, task
from genrun.sweeps.launch.launch import LaunchSettings
from genrun.sweeps.launch.process_pool import SweepObserver
from genrun.sweeps.launch.stop_request import clear_stop_request, request_stop
from genrun.sweeps.plan import Job, SweepPlan
from genrun.terminal.sweep import sweep_display
from genrun.training.interrupt import Interrupt

IRRELEVANT = (  # overrides without effect on the launcher
    "hydra/sweeper", "hydra.sweeper", "hydra.sweep", "hydra.run",
)  # fmt: skip
POLL_SECONDS = 1.0


@contextmanager
def open_launcher(
    sweep: Path, plan: SweepPlan, settings: LaunchSettings
) -> Iterator[HydraLauncherRunner]:
    """Opens the launcher that the settings choose; while open, signals stop the sweep's jobs.

    Raises `OutputFailed` if Hydra cannot write its own files.
    """
    overrides = [
        *(word for word in settings.overrides if not word.lstrip("+").startswith(IRRELEVANT)),
        f"hydra.sweep.dir={quote_path(sweep)}",
        "hydra.output_subdir=null",  # Hydra would write its own defaults, not the job's settings
    ]
    with hydra_ready(settings.config_dir), output_errors(sweep):
        launcher = instantiate_launcher(hydra_overrides(overrides), task)
        with sweep_in_this_process(plan) as signals:
            yield HydraLauncherRunner(sweep, plan, launcher, settings.plugins, signals)


class HydraLauncherRunner:
    """Runs lists of jobs with a launcher of Hydra.

    The basic launcher trains in this process, where each run has its own display. `signals` are
    those that this process has received.
    """

    def __init__(
        self,
        sweep: Path,
        plan: SweepPlan,
        launcher: Launcher,
        plugins: Sequence[str],
        signals: Interrupt,
    ) -> None:
        self._sweep, self._plan, self._launcher = sweep, plan, launcher
        self._plugins, self._signals = plugins, signals
        self._in_this_process = isinstance(launcher, BasicLauncher)
        self._launched = 0

    def _overrides(self, jobs: Sequence[Job]) -> list[list[str]]:
        """Returns the overrides that `task` reads: the job's folder and its plugins."""
        plugins = ",".join(self._plugins)
        return [[f"hydra.sweep.subdir='{job.name}'", f"plugins=[{plugins}]"] for job in jobs]

    def launch(self, jobs: Sequence[Job]) -> None:
        """Runs the jobs to their end.

        Raises `SweepPaused` if they were stopped, `ConfigError` if the launcher started none.
        """
        reason = ""
        clear_stop_request(self._sweep)
        with nullcontext() if self._in_this_process else self._watched(jobs):
            try:
                self._launcher.launch(self._overrides(jobs), self._launched)
            except (Exception, SystemExit) as error:
                # joblib raises if one of its processes is killed, submitit if one of its jobs is
                # cancelled, Ray raises SystemExit at SIGTERM
                reason = f"{type(self._launcher).__name__} failed: {_first_line(error)}"
        self._launched += len(jobs)
        if self._signals():
            reason = "stopped by a signal"
        elif reason and self._none_started(jobs):
            raise ConfigError(f"{reason}; no job of {os.path.relpath(self._sweep)} has started")
        if reason:
            command = f"genrun resume {os.path.relpath(self._sweep)}"
            raise SweepPaused(f"{reason}; resume with: {command}")

    def _none_started(self, jobs: Sequence[Job]) -> bool:
        return all(s.status == RunStatus.MISSING for s in job_states(self._sweep, jobs))

    @contextmanager
    def _watched(self, jobs: Sequence[Job]) -> Iterator[None]:
        """While open, shows the jobs' progress, and stops them after a signal to this process."""
        with (
            _job_display(self._sweep, self._plan, jobs) as display,
            self._stop_on_signal(display),
        ):
            yield

    @contextmanager
    def _stop_on_signal(self, display: SweepObserver) -> Iterator[None]:
        """While open, a signal to this process requests the jobs to stop, through a file."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.1):
                if self._signals():
                    request_stop(self._sweep)
                    display.note("stopped by a signal: waiting until all jobs have saved")
                    return

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextmanager
def _job_display(sweep: Path, plan: SweepPlan, jobs: Sequence[Job]) -> Iterator[SweepObserver]:
    """While open, shows the progress that jobs in other processes record in their folders."""
    done = [state for state in job_states(sweep, plan.jobs) if state.has_result]
    total = len(plan.jobs) if plan.search is None else None
    with sweep_display(done, total) as display:
        ended = threading.Event()
        poller = _FolderPoller(sweep, jobs, display)
        thread = threading.Thread(target=poller.poll_until, args=(ended,), daemon=True)
        thread.start()
        try:
            yield display
        finally:
            ended.set()
            thread.join()
            poller.poll()


class _FolderPoller:
    """Polls the jobs' folders; reports that a job started, its progress, and that it ended."""

    def __init__(self, sweep: Path, jobs: Sequence[Job], observer: SweepObserver) -> None:
        self._sweep, self._observer = sweep, observer
        self._left = list(jobs)
        self._started: set[str] = set()

    def poll_until(self, ended: threading.Event) -> None:
        while not ended.wait(POLL_SECONDS):
            self.poll()

    def poll(self) -> None:
        for state in job_states(self._sweep, self._left):
            name = state.job.name
            if state.status == RunStatus.RUNNING:
                if name not in self._started:
                    self._started.add(name)
                    self._observer.job_started(state.job)
                with contextlib.suppress(CheckpointUnusable):  # a resume reports it
                    step = int(RunFolder(state.folder).timings().get("step", 0))
                    self._observer.job_progress(state.job, step, int(state.info["steps"]))
            elif state.has_result or state.status == RunStatus.FAILED:
                self._left.remove(state.job)
                self._observer.job_ended(state)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"
