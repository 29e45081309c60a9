"""Where each job stands, by what lies in its own folder: any process can tell, on any machine."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnusable
from genrun.core.numbers import finite_number
from genrun.core.status import RunStatus
from genrun.runs.folder import RunFolder
from genrun.sweeps.plan import Job


@dataclass(frozen=True)
class JobState:
    """One row of the ledger."""

    job: Job
    folder: Path
    status: RunStatus
    reason: str
    info: dict[str, Any]  # what run.json holds

    @property
    def best(self) -> float | None:
        """Lower is better; None where there is none, or none that is finite."""
        best = self.info.get("best")
        return finite_number(best.get("value")) if isinstance(best, dict) else None

    @property
    def monitor(self) -> str:
        """The metric that `best` is of."""
        return str(self.info.get("monitor", ""))

    @property
    def has_result(self) -> bool:
        return self.status.ended


def job_state(sweep: Path, job: Job) -> JobState:
    """A job without a sound run.json is missing: it begins anew, or goes on where it can."""
    folder = RunFolder(sweep / job.name)
    if not folder.has_run_json():
        return JobState(job, folder.path, RunStatus.MISSING, "", {})
    try:
        info = folder.read()
    except CheckpointUnusable as error:
        return JobState(job, folder.path, RunStatus.FAILED, str(error), {})
    return JobState(job, folder.path, RunStatus(info["status"]), info["reason"], info)


def job_states(sweep: Path, jobs: Sequence[Job]) -> list[JobState]:
    return [job_state(sweep, job) for job in jobs]


def note_failure(folder: RunFolder, job: Job, reason: str) -> None:
    """Writes to run.json that the job failed; what it had reached stays, to be gone on with."""
    known: dict[str, Any] = {"choices": job.choices, "overrides": job.overrides}
    with contextlib.suppress(CheckpointUnusable):  # a damaged run.json is not written over
        folder.update({**known, "status": RunStatus.FAILED, "reason": reason})
