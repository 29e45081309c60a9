"""Hydra's own launchers, which take lists of jobs to processes that they make themselves."""

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

SUBDIR = "hydra.sweep.subdir"
NOT_THE_LAUNCHERS = ("hydra/sweeper", "hydra.sweeper", "hydra.sweep", "hydra.run")
SECONDS_BETWEEN_LOOKS = 1.0


@contextmanager
def open_launcher(
    sweep: Path, plan: SweepPlan, settings: LaunchSettings
) -> Iterator[HydraLauncherRunner]:
    """While open, the launcher that the settings choose runs jobs, and signals are the sweep's.

    Raises `OutputFailed` if Hydra cannot write its own files.
    """
    overrides = [
        *(w for w in settings.overrides if not w.lstrip("+").startswith(NOT_THE_LAUNCHERS)),
        f"hydra.sweep.dir={quote_path(sweep)}",
        "hydra.output_subdir=null",  # Hydra would write its own defaults, not the job's settings
    ]
    with hydra_ready(settings.config_dir), output_errors(sweep):
        launcher = instantiate_launcher(hydra_overrides(overrides), task)
        with sweep_in_this_process(plan) as signals:
            yield HydraLauncherRunner(sweep, plan, launcher, settings.plugins, signals)


class HydraLauncherRunner:
    """Runs lists of jobs by joblib, submitit, Ray, or Hydra's basic launcher.

    The basic launcher trains in this process and shows each run itself. `signals` are those that
    were sent to this process.
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

    def _lines(self, jobs: Sequence[Job]) -> list[list[str]]:
        """Overrides for each job: the name of its folder, and what it may import."""
        plugins = ",".join(self._plugins)
        return [[f"{SUBDIR}='{job.name}'", f"plugins=[{plugins}]"] for job in jobs]

    def launch(self, jobs: Sequence[Job]) -> None:
        """Returns when all of them have ended. Raises `SweepPaused` if they were stopped."""
        why = ""
        clear_stop_request(self._sweep)
        with nullcontext() if self._in_this_process else self._watched(jobs):
            try:
                self._launcher.launch(self._lines(jobs), self._launched)
            except (Exception, SystemExit) as error:
                # joblib gives up when one of its processes is killed, submitit when one of its
                # jobs is cancelled; Ray leaves by SystemExit at SIGTERM
                why = f"{type(self._launcher).__name__} failed: {_first_line(error)}"
        self._launched += len(jobs)
        if self._signals():
            why = "stopped by a signal"
        elif why and all(s.status == RunStatus.MISSING for s in job_states(self._sweep, jobs)):
            raise ConfigError(f"{why}; no job of {os.path.relpath(self._sweep)} has started")
        if why:
            raise SweepPaused(f"{why}; resume with: genrun resume {os.path.relpath(self._sweep)}")

    @contextmanager
    def _watched(self, jobs: Sequence[Job]) -> Iterator[None]:
        """While open, shows what is on the disk, and stops jobs once a signal has come here."""
        with (
            _job_display(self._sweep, self._plan, jobs) as display,
            self._request_on_signal(display),
        ):
            yield

    @contextmanager
    def _request_on_signal(self, display: SweepObserver) -> Iterator[None]:
        """While open, a signal that comes here is passed on to the jobs through the disk."""
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
    """While open, shows the progress that the jobs' folders record while others run them."""
    done = [state for state in job_states(sweep, plan.jobs) if state.has_result]
    total = len(plan.jobs) if plan.search is None else None
    with sweep_display(done, total) as display:
        ended = threading.Event()
        watch = _FolderWatch(sweep, jobs, display)
        thread = threading.Thread(target=watch.until, args=(ended,), daemon=True)
        thread.start()
        try:
            yield display
        finally:
            ended.set()
            thread.join()
            watch.now()


class _FolderWatch:
    """Reads the jobs' folders again and again; reports once that a job started and ended."""

    def __init__(self, sweep: Path, jobs: Sequence[Job], observer: SweepObserver) -> None:
        self._sweep, self._observer = sweep, observer
        self._left = list(jobs)
        self._started: set[str] = set()

    def until(self, ended: threading.Event) -> None:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            self.now()

    def now(self) -> None:
        for state in job_states(self._sweep, self._left):
            name = state.job.name
            if state.status == RunStatus.RUNNING:
                if name not in self._started:
                    self._started.add(name)
                    self._observer.job_started(state.job)
                with contextlib.suppress(CheckpointUnusable):  # a damaged log: its resume says so
                    step = int(RunFolder(state.folder).timings().get("step", 0))
                    self._observer.job_progress(state.job, step, int(state.info["steps"]))
            elif state.has_result or state.status == RunStatus.FAILED:
                self._left.remove(state.job)
                self._observer.job_ended(state)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"
