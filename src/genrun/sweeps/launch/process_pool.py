"""A pool of processes, one a job, as many at once as the machine has resources for.

If a job raises, exits, crashes, hangs or runs out of memory, only that job fails.
"""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from genrun.config.limits import bounds_of_choice
from genrun.core.errors import ConfigError
from genrun.core.status import RunStatus
from genrun.runs.folder import RunFolder
from genrun.sweeps.job_state import JobState, job_state, record_job_failure
from genrun.sweeps.launch import fork_server
from genrun.sweeps.launch.resources import ResourceSlots
from genrun.sweeps.plan import Job

OWN_LAUNCHER = "hydra_plugins.genrun_plugins.ProcessLauncher"
WAIT_SECONDS = 0.25
GRACE_SECONDS = 10.0  # between stopping a job that takes too long, and killing it


class JobSource(Protocol):
    """Where jobs come from: a list, or a search that makes them from earlier results."""

    @property
    def max_jobs(self) -> int:
        """The largest number of jobs that can be taken."""

    @property
    def batch_size(self) -> int:
        """How many jobs a launcher that takes lists gets at once."""

    def sample_jobs(self) -> Sequence[Job]:
        """Returns jobs that need the same resources as all others; none if no job is left."""

    def take(self) -> Job | None:
        """Returns the next job; None if there is none, or none yet."""

    def job_ended(self, state: JobState) -> None:
        """Is called after a job that was taken has ended."""


class JobList:
    """The jobs of a list, in its order."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = deque(jobs)
        self._count = len(jobs)

    @property
    def max_jobs(self) -> int:
        return self._count

    @property
    def batch_size(self) -> int:
        return max(self._count, 1)

    def sample_jobs(self) -> Sequence[Job]:
        return list(self._jobs)

    def take(self) -> Job | None:
        return self._jobs.popleft() if self._jobs else None

    def job_ended(self, state: JobState) -> None:
        return None


class SweepObserver(Protocol):
    """What is notified of the progress of a sweep, such as its display."""

    def job_started(self, job: Job) -> None:
        """Is called when the process of a job has started."""

    def job_progress(self, job: Job, step: int, steps: int) -> None:
        """Is called with the last finished step of a job and its number of steps."""

    def job_ended(self, state: JobState) -> None:
        """Is called with the state of a job that has ended."""

    def note(self, text: str) -> None:
        """Is called with a text to print."""


@dataclass(frozen=True)
class JobLimits:
    """How long a job may take, and how many failures a sweep tolerates."""

    timeout_seconds: float | None
    retries: int  # of a job whose process crashed; an exception would be raised again
    give_up_after: int  # equal failures in a row


def read_job_limits(settings: Mapping[str, Any]) -> JobLimits:
    """Reads the limits from hydra.launcher. Raises `ConfigError` if a setting is out of range."""
    names = ("jobs", "timeout_seconds", "retries", "give_up_after")
    bounds = bounds_of_choice("hydra/launcher", "processes")
    for name in names:
        value, bound = settings.get(name), bounds[name]
        if value is None and name in ("jobs", "timeout_seconds"):
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_allowed_type = isinstance(value, int) or not bound.whole
        if value is None or not is_number or not is_allowed_type or not bound.allows(value):
            raise ConfigError(f"hydra.launcher.{name}={value}: must be {bound.text}")
    return JobLimits(*(settings[name] for name in names[1:]))


@dataclass
class RunningJob:
    """A job and its process."""

    job: Job
    slot: int
    process: BaseProcess
    connection: Connection
    started: float = field(default_factory=time.monotonic)
    timed_out: bool = False

    def stop(self) -> None:
        """Requests the job to finish its step and save."""
        with contextlib.suppress(OSError):  # it has ended already
            self.connection.send("stop")


class ProcessPool:
    """Runs jobs until the source has no more, a signal arrives, or too many fail the same way."""

    def __init__(
        self,
        sweep: Path,
        plugins: Sequence[str],
        slots: ResourceSlots,
        limits: JobLimits,
        observer: SweepObserver,
    ) -> None:
        self._sweep, self._plugins, self._slots = sweep, plugins, slots
        self._limits, self._observer = limits, observer
        self._running: list[RunningJob] = []
        self._crashes: dict[str, int] = {}
        self._retries: list[Job] = []
        self._failures: deque[str] = deque(maxlen=limits.give_up_after)
        self._stopping = ""

    def run(self, source: JobSource, interrupted: Callable[[], bool]) -> str:
        """Runs the jobs; returns why they were stopped, or an empty text if all have run."""
        try:
            while True:
                if interrupted() and not self._stopping:
                    self._stop("stopped by a signal")
                if not self._stopping:
                    self._fill(source)
                if not self._running:
                    return self._stopping
                self._wait(source)
        finally:
            for running in self._running:  # after a second signal some may be running
                running.process.kill()

    def _stop(self, reason: str) -> None:
        self._stopping = reason
        self._observer.note(f"{reason}: waiting until {len(self._running)} jobs have saved")
        for running in self._running:
            running.stop()

    def _fill(self, source: JobSource) -> None:
        while self._slots.free:
            job = self._retries.pop() if self._retries else source.take()
            if job is None:
                return
            slot, resources = self._slots.take()
            process, connection = fork_server.start_job(self._sweep, job, self._plugins, resources)
            self._running.append(RunningJob(job, slot, process, connection))
            self._observer.job_started(job)

    def _wait(self, source: JobSource) -> None:
        wait([running.process.sentinel for running in self._running], WAIT_SECONDS)
        for running in list(self._running):
            self._read_progress(running)
            if running.process.exitcode is not None:
                self._end(running, source)
            elif self._limits.timeout_seconds is not None:
                self._enforce_timeout(running, self._limits.timeout_seconds)

    def _read_progress(self, running: RunningJob) -> None:
        with contextlib.suppress(EOFError, OSError):
            while running.connection.poll():
                self._observer.job_progress(running.job, *running.connection.recv())

    def _enforce_timeout(self, running: RunningJob, timeout: float) -> None:
        over = time.monotonic() - running.started - timeout
        if over > GRACE_SECONDS:
            running.process.kill()
        elif over > 0 and not running.timed_out:
            running.timed_out = True
            running.stop()

    def _end(self, running: RunningJob, source: JobSource) -> None:
        self._running.remove(running)
        self._slots.release(running.slot)
        running.connection.close()
        job = running.job
        state = job_state(self._sweep, job)
        reason = "" if state.has_result or self._stopping else self._describe_failure(running)
        if reason and not running.timed_out and self._may_retry(job):
            self._observer.note(f"{job.name}: {reason}; retrying")
            self._retries.append(job)
            return
        if reason:
            record_job_failure(RunFolder(state.folder), job, reason)
            state = job_state(self._sweep, job)
        self._count_failure(state)
        self._observer.job_ended(state)
        source.job_ended(state)

    def _describe_failure(self, running: RunningJob) -> str:
        """Returns why the process failed; an empty text if run.json states the outcome."""
        if running.timed_out:
            return f"took longer than timeout_seconds={self._limits.timeout_seconds:g}"
        return _describe_exit(running.process.exitcode or 0)

    def _may_retry(self, job: Job) -> bool:
        crashes = self._crashes[job.name] = self._crashes.get(job.name, 0) + 1
        return crashes <= self._limits.retries

    def _count_failure(self, state: JobState) -> None:
        if state.status != RunStatus.FAILED:
            self._failures.clear()
            return
        self._failures.append(re.sub(r"[0-9]+", "0", state.reason))
        limit = self._limits.give_up_after
        repeated = len(self._failures) == limit and len(set(self._failures)) == 1
        if repeated and not self._stopping:
            self._stop(f"{limit} jobs in a row failed for the same reason")


def _describe_exit(code: int) -> str:
    """Returns how a process ended, by its exit code; an empty text for 0."""
    if code == 0:
        return ""
    if code > 0:
        return f"its process exited with {code}"
    name = signal.Signals(-code).name
    guess = " (the system may be out of memory)" if -code == signal.SIGKILL else ""
    return f"its process was ended by {name}{guess}"
