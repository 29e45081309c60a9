"""A job in a process of its own, beside the one that a cluster's engine made for it.

The engine's process lives through whatever the job does; where the engine wants it to end, the job
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
from genrun.sweeps.launch.process_pool import JobLimits, JobList, Pool
from genrun.sweeps.launch.resources import JobResources, ResourceSlots, available_cores
from genrun.sweeps.launch.stop_request import StopRequest
from genrun.sweeps.plan import Job
from genrun.training.interrupt import Interrupt

PREEMPTION = (signal.SIGUSR1, signal.SIGUSR2)  # what engines announce it with
_PARENT = os.getppid()  # asked when the first job comes
LIMITS = JobLimits(timeout_seconds=None, retries=1, give_up_after=1_000_000)


class Notes:
    """What the engine keeps as the job's output; the job's own is in its folder."""

    def begun(self, job: Job) -> None:
        return None

    def progress(self, job: Job, step: int, steps: int) -> None:
        return None

    def ended(self, state: JobState) -> None:
        return None

    def note(self, text: str) -> None:
        print(text, flush=True)


def run_in_child_process(sweep: Path, job: Job, plugins: Sequence[str], threads: int) -> RunStatus:
    """Trains a job, or goes on with it; gives its status, whatever that is.

    A signal, or a `StopRequest`, stops it resumably. Of a signal that announces preemption the
    engine's own handler is told afterwards: submitit's puts the job back into the queue.
    """
    state = job_state(sweep, job)
    asked = StopRequest(sweep)
    if state.has_result or asked():
        return state.status
    # loky calls itself the method by which processes start, which a job's process knows nothing of
    multiprocessing.set_start_method(fork_server.METHOD, force=True)
    handlers = {number: signal.getsignal(number) for number in PREEMPTION}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the sweep's, which asks each job
    slots = ResourceSlots([JobResources(threads, None)])
    with Interrupt(lambda: asked() or _is_orphan()) as stop:
        Pool(sweep, plugins, slots, LIMITS, Notes()).run(JobList([job]), stop)
    if _is_orphan():
        os._exit(STATUS_EXIT_CODES[RunStatus.INTERRUPTED])  # nobody would ever end this process
    if stop.number is not None and callable(handler := handlers.get(signal.Signals(stop.number))):
        handler(stop.number, sys._getframe())
    return job_state(sweep, job).status


def _is_orphan() -> bool:
    """Whether whoever made this process is gone; the system has given it to another since."""
    return os.getppid() != _PARENT


def is_to_be_queued_again(sweep: Path, status: RunStatus) -> bool:
    """Whether Slurm stopped a job: the sweep did not, and Slurm decides what is to become of it.

    Where a job of submitit ends without an exit code, its result stands, and it never comes back.
    """
    engine = os.environ.get("SUBMITIT_EXECUTOR")
    return engine == "slurm" and status == RunStatus.INTERRUPTED and not StopRequest(sweep)()


def threads_of(launcher: Mapping[str, Any]) -> int:
    """How many threads a job may use, by the settings of its engine."""
    cores = available_cores()
    if "n_jobs" in launcher:  # joblib; -1 is all cores, -2 all but one
        jobs = int(launcher["n_jobs"])
        return max(1, cores // max(1, jobs if jobs > 0 else cores + 1 + jobs))
    remote = (launcher.get("ray") or {}).get("remote") or {}
    return max(1, min(cores, int(launcher.get("cpus_per_task") or remote.get("num_cpus") or 1)))
