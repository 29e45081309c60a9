"""Trains or resumes one job of a sweep, in the process that a launcher made for it."""

from __future__ import annotations

import copy
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from genrun.config.tracker_mode import offline
from genrun.core.errors import FolderLocked, GenrunError
from genrun.core.protocols.display import Display
from genrun.core.status import RunStatus
from genrun.experiment.experiment import Experiment
from genrun.runs.files import make_folder
from genrun.runs.folder import RunFolder
from genrun.sweeps.job_state import job_state, record_job_failure
from genrun.sweeps.plan import Job
from genrun.sweeps.pruner_study import attach_search_study

LOCK_WAIT_SECONDS = 20.0  # for a process that is saving because its sweep was stopped


def run_job(
    sweep: Path,
    job: Job,
    plugins: Sequence[str],
    display: Display,
    interrupted: Callable[[], bool] | None = None,
) -> RunStatus:
    """Trains or resumes a job, writes its outcome to its folder, and returns its status.

    A job that has a result is not run again. `plugins` are those of the command line: the plan is
    untrusted, so no module that it lists is imported, and no tracker contacts a server.
    `interrupted` is polled in addition to signals; the job stops resumably once it is true.
    """
    state = job_state(sweep, job)
    if state.has_result:
        return state.status
    folder = RunFolder(state.folder)
    make_folder(folder.path)
    config = {**copy.deepcopy(job.config), "plugins": list(plugins)}
    try:
        config = attach_search_study(offline(config), sweep, job.name)
        experiment = Experiment.prepare(config, job.choices, job.overrides)
        has_started = "environment" in state.info
        return _train_or_resume(experiment, folder, has_started, display, interrupted)
    except FolderLocked:
        return RunStatus.RUNNING  # the process that holds the lock records how it ends
    except Exception as error:
        if not isinstance(error, GenrunError):
            traceback.print_exc()
        record_job_failure(folder, job, describe_error(error))
        return RunStatus.FAILED


def _train_or_resume(
    experiment: Experiment,
    folder: RunFolder,
    has_started: bool,
    display: Display,
    interrupted: Callable[[], bool] | None,
) -> RunStatus:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            if has_started:
                return experiment.resume(folder, display, interrupted).status
            return experiment.train(folder.path, display, interrupted).status
        except FolderLocked:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def describe_error(error: Exception) -> str:
    """Returns the reason that run.json and the summary state: one line."""
    if isinstance(error, GenrunError):
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"
