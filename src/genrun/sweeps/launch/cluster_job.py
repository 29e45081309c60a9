"""A job in a child of the process that a launcher of Hydra made for it.

The launcher's process survives a crash of the job; if the launcher or the cluster ends it, the job
saves first.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genrun.core.errors import STATUS_EXIT_CODES
from genrun.core.status import RunStatus
from genrun.sweeps.job_state import JobState, job_state
from genrun.sweeps.launch import fork_server
from genrun.sweeps.launch.process_pool import JobLimits, JobList, ProcessPool
from genrun.sweeps.launch.resources import JobResources, ResourceSlots, available_cores
from genrun.sweeps.launch.stop_request import StopRequest
from genrun.sweeps.plan import Job
from genrun.training.interrupt import Interrupt

PREEMPTION_SIGNALS = (signal.SIGUSR1, signal.SIGUSR2)
_PARENT = os.getppid()  # when this module is imported, for the first job
LIMITS = JobLimits(timeout_seconds=None, retries=1, give_up_after=1_000_000)


class OutputObserver:
    """Prints notes to the job's output, which the launcher keeps."""

    def job_started(self, job: Job) -> None:
        return None

    def job_progress(self, job: Job, step: int, steps: int) -> None:
        return None

    def job_ended(self, state: JobState) -> None:
        return None

    def note(self, text: str) -> None:
        print(text, flush=True)


def run_in_child_process(sweep: Path, job: Job, plugins: Sequence[str], threads: int) -> RunStatus:
    """Trains or resumes a job; returns its status.

    A signal, or a `StopRequest`, stops it resumably. After a signal that announces preemption the
    launcher's own handler is called: submitit's puts the job back into the queue.
    """
    state = job_state(sweep, job)
    stop_requested = StopRequest(sweep)
    if state.has_result or stop_requested():
        return state.status
    # joblib's loky registers itself as the start method, which a job's process does not know
    multiprocessing.set_start_method(fork_server.METHOD, force=True)
    handlers = {number: signal.getsignal(number) for number in PREEMPTION_SIGNALS}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C the sweep stops each job
    slots = ResourceSlots([JobResources(threads, None)])
    with Interrupt(lambda: stop_requested() or _is_orphan()) as stop:
        ProcessPool(sweep, plugins, slots, LIMITS, OutputObserver()).run(JobList([job]), stop)
    if _is_orphan():
        os._exit(STATUS_EXIT_CODES[RunStatus.INTERRUPTED])  # joblib's process would never end
    if stop.number is not None and callable(handler := handlers.get(signal.Signals(stop.number))):
        handler(stop.number, sys._getframe())
    return job_state(sweep, job).status


def _is_orphan() -> bool:
    """Whether the parent of this process has ended."""
    return os.getppid() != _PARENT


def is_requeued(sweep: Path, status: RunStatus) -> bool:
    """Whether Slurm, and not the sweep, interrupted the job: Slurm may then queue it again.

    A submitit job that exits with 0 counts as done and is never queued again.
    """
    executor = os.environ.get("SUBMITIT_EXECUTOR")
    return executor == "slurm" and status == RunStatus.INTERRUPTED and not StopRequest(sweep)()


def count_threads(launcher: Mapping[str, Any]) -> int:
    """Returns how many threads a job may use, from the settings of its launcher."""
    cores = available_cores()
    if "n_jobs" in launcher:  # joblib; -1 is all cores, -2 all but one
        jobs = int(launcher["n_jobs"])
        return max(1, cores // max(1, jobs if jobs > 0 else cores + 1 + jobs))
    remote = (launcher.get("ray") or {}).get("remote") or {}
    return max(1, min(cores, int(launcher.get("cpus_per_task") or remote.get("num_cpus") or 1)))
