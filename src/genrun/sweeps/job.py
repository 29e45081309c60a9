"""One job of a sweep, in whatever process a launcher made for it: trains or resumes it."""

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
from genrun.sweeps.job_state import job_state, note_failure
from genrun.sweeps.plan import Job
from genrun.sweeps.pruner_study import joined_to_search

PATIENCE_SECONDS = 20.0  # to wait for a process that is saving because its sweep was stopped


def run_job(
    sweep: Path,
    job: Job,
    plugins: Sequence[str],
    display: Display,
    interrupted: Callable[[], bool] | None = None,
) -> RunStatus:
    """Trains or resumes a job, writes its outcome to its folder, and returns its status.

    A job that has a result is not run again. `plugins` are those of the command line: the plan is
    untrusted, so no module that it lists is imported, and no tracker goes online. `interrupted`
    is asked, beside signals, whether to stop.
    """
    state = job_state(sweep, job)
    if state.has_result:
        return state.status
    folder = RunFolder(state.folder)
    make_folder(folder.path)
    config = {**copy.deepcopy(job.config), "plugins": list(plugins)}
    try:
        config = joined_to_search(offline(config), sweep, job.name)
        experiment = Experiment.prepare(config, job.choices, job.overrides)
        begun = "environment" in state.info
        return _train_or_resume(experiment, folder, begun, display, interrupted)
    except FolderLocked:
        return RunStatus.RUNNING  # the process that holds the lock records how it ends
    except Exception as error:
        if not isinstance(error, GenrunError):
            traceback.print_exc()
        note_failure(folder, job, reason_of(error))
        return RunStatus.FAILED


def _train_or_resume(
    experiment: Experiment,
    folder: RunFolder,
    begun: bool,
    display: Display,
    interrupted: Callable[[], bool] | None,
) -> RunStatus:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if begun:
                return experiment.resume(folder, display, interrupted).status
            return experiment.train(folder.path, display, interrupted).status
        except FolderLocked:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def reason_of(error: Exception) -> str:
    """One line for the summary."""
    if isinstance(error, GenrunError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
