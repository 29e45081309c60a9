"""The state of each job, read from its folder: any process on any machine can do so."""

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
    """The state of one job."""

    job: Job
    folder: Path
    status: RunStatus
    reason: str
    info: dict[str, Any]  # the content of run.json

    @property
    def best(self) -> float | None:
        """The best held-out value, lower is better; None without a finite one."""
        best = self.info.get("best")
        return finite_number(best.get("value")) if isinstance(best, dict) else None

    @property
    def monitor(self) -> str:
        """The metric that `best` is of."""
        return str(self.info.get("monitor", ""))

    @property
    def has_result(self) -> bool:
        """Whether the job ended and is not to be run again."""
        return self.status.ended


def job_state(sweep: Path, job: Job) -> JobState:
    """Reads the state of a job: missing if it has no run.json, failed if that is damaged."""
    folder = RunFolder(sweep / job.name)
    if not folder.has_run_json():
        return JobState(job, folder.path, RunStatus.MISSING, "", {})
    try:
        info = folder.read()
    except CheckpointUnusable as error:
        return JobState(job, folder.path, RunStatus.FAILED, str(error), {})
    return JobState(job, folder.path, RunStatus(info["status"]), info["reason"], info)


def job_states(sweep: Path, jobs: Sequence[Job]) -> list[JobState]:
    """Reads the state of each job, in order."""
    return [job_state(sweep, job) for job in jobs]


def record_job_failure(folder: RunFolder, job: Job, reason: str) -> None:
    """Writes to run.json that the job failed; its checkpoints stay for a resume."""
    known: dict[str, Any] = {"choices": job.choices, "overrides": job.overrides}
    with contextlib.suppress(CheckpointUnusable):  # a damaged run.json is not written over
        folder.update({**known, "status": RunStatus.FAILED, "reason": reason})
