"""Hydra's other launchers, which take lists of jobs to processes that they make themselves."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.plugins.launcher import Launcher

from genrun.core.errors import CheckpointUnusable, ConfigError, SweepPaused
from genrun.core.status import RunStatus
from genrun.runs.folder import RunFolder
from genrun.sweeps.job_state import job_states
from genrun.sweeps.launch.hydra_task import sweep_here
from genrun.sweeps.launch.process_pool import JobSource, SweepObserver
from genrun.sweeps.launch.stop_request import ask_to_stop, take_back
from genrun.sweeps.plan import Job, read_plan
from genrun.terminal.sweep import sweep_display
from genrun.training.interrupt import Interrupt

SUBDIR = "hydra.sweep.subdir"
SECONDS_BETWEEN_LOOKS = 1.0


@runtime_checkable
class TakesSource(Protocol):
    """A launcher that asks for the next job when it has a place for it: genrun's own."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Any: ...

    def launch_source(self, source: JobSource, jobs: int) -> None: ...


def lines_of(jobs: Sequence[Job], plugins: Sequence[str] = ()) -> list[list[str]]:
    """What a launcher is told of each job: the name of its folder, and what it may import."""
    return [[f"{SUBDIR}='{job.name}'", f"plugins=[{','.join(plugins)}]"] for job in jobs]


def name_in(line: Sequence[str]) -> str:
    return line[0].partition("=")[2].strip("'")


@contextmanager
def engine_of(
    sweep: Path, launcher: Launcher, plugins: Sequence[str]
) -> Iterator[HydraLauncherRunner]:
    """While open, signals are the sweep's."""
    with sweep_here() as signals:
        yield HydraLauncherRunner(sweep, launcher, plugins, signals)


class HydraLauncherRunner:
    """joblib, submitit, Ray, or Hydra's basic launcher, which trains here and shows it.

    `signals` is what a person sent to this process.
    """

    def __init__(
        self, sweep: Path, launcher: Launcher, plugins: Sequence[str], signals: Interrupt
    ) -> None:
        self._sweep, self._launcher = sweep, launcher
        self._plugins, self._signals = plugins, signals
        self._here = isinstance(launcher, BasicLauncher)
        self._begun = 0

    def launch(self, jobs: Sequence[Job]) -> None:
        """Until all of them have ended. Raises `SweepPaused` where they were stopped."""
        why = ""
        take_back(self._sweep)
        with nullcontext() if self._here else self._watched(jobs):
            try:
                self._launcher.launch(lines_of(jobs, self._plugins), self._begun)
            except (Exception, SystemExit) as error:
                # joblib gives up when one of its processes is killed, submitit when one of its
                # jobs is cancelled; Ray leaves by SystemExit at SIGTERM
                why = f"{type(self._launcher).__name__} gave up: {_first_line(error)}"
        self._begun += len(jobs)
        if self._signals():
            why = "stopped by a signal"
        elif why and all(s.status == RunStatus.MISSING for s in job_states(self._sweep, jobs)):
            raise ConfigError(f"{why}; no job of {os.path.relpath(self._sweep)} has begun")
        if why:
            raise SweepPaused(f"{why}; go on with: genrun resume {os.path.relpath(self._sweep)}")

    @contextmanager
    def _watched(self, jobs: Sequence[Job]) -> Iterator[None]:
        """Shows what is on the disk, and asks jobs there to stop once a signal has come here."""
        with _shown(self._sweep, jobs) as display, self._request_on_signal(display):
            yield

    @contextmanager
    def _request_on_signal(self, display: SweepObserver) -> Iterator[None]:
        """Jobs are asked to stop through the disk as soon as a signal has come here."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.1):
                if self._signals():
                    ask_to_stop(self._sweep)
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
def _shown(sweep: Path, jobs: Sequence[Job]) -> Iterator[SweepObserver]:
    """Shows what the jobs' folders tell while somebody else runs them."""
    plan = read_plan(sweep)
    done = [state for state in job_states(sweep, plan.jobs) if state.has_result]
    total = len(plan.jobs) if plan.search is None else None
    with sweep_display(done, total) as display:
        ended = threading.Event()
        look = _Look(sweep, jobs, display)
        thread = threading.Thread(target=look.until, args=(ended,), daemon=True)
        thread.start()
        try:
            yield display
        finally:
            ended.set()
            thread.join()
            look.now()


class _Look:
    """One reading of the ledger after the other, each job said once when it began and ended."""

    def __init__(self, sweep: Path, jobs: Sequence[Job], watcher: SweepObserver) -> None:
        self._sweep, self._watcher = sweep, watcher
        self._left = list(jobs)
        self._begun: set[str] = set()

    def until(self, ended: threading.Event) -> None:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            self.now()

    def now(self) -> None:
        for state in job_states(self._sweep, self._left):
            name = state.job.name
            if state.status == RunStatus.RUNNING:
                if name not in self._begun:
                    self._begun.add(name)
                    self._watcher.begun(state.job)
                with contextlib.suppress(CheckpointUnusable):  # a damaged log: its resume says so
                    step = int(RunFolder(state.folder).timings().get("step", 0))
                    self._watcher.progress(state.job, step, int(state.info["steps"]))
            elif state.has_result or state.status == RunStatus.FAILED:
                self._left.remove(state.job)
                self._watcher.ended(state)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"
