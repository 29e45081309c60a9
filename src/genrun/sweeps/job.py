"""One job of a sweep, wherever a launcher put it: trains it, or goes on where it was stopped."""

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
from genrun.runs.folder import RunFolder
from genrun.sweeps.job_state import job_state, note_failure
from genrun.sweeps.plan import Job
from genrun.sweeps.pruner_study import joined_to_search

PATIENCE_SECONDS = 20.0  # for a process that is saving because its sweep was stopped


def run_job(
    sweep: Path,
    job: Job,
    plugins: Sequence[str],
    display: Display,
    interrupted: Callable[[], bool] | None = None,
) -> RunStatus:
    """Leaves the job's outcome in its folder, whatever it is, and gives its status.

    A job that has a result is left alone. `plugins` are the command line's: a plan may be a
    stranger's, so that none that it lists is imported, and no tracker goes online. `interrupted`
    is a reason to stop beside signals.
    """
    state = job_state(sweep, job)
    if state.has_result:
        return state.status
    folder = RunFolder(state.folder)
    folder.path.mkdir(parents=True, exist_ok=True)
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
