"""A job as a summary counts it: what it reached and what it cost, or why it did not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrun.core.status import RunStatus, is_pruned
from genrun.core.usage import ResourceUsage
from genrun.runs.folder import RunFolder
from genrun.runs.usage import parse_count, read_usage
from genrun.sweeps.job_state import JobState
from genrun.sweeps.plan import Job


@dataclass(frozen=True)
class Result:
    """One job. A number that run.json has not, or not in earnest, is None."""

    job: Job
    folder: Path
    status: RunStatus
    reason: str
    monitor: str | None  # the held-out metric that judged it
    best: float | None  # the lowest value of it; so far, where the job has not ended
    best_step: int | None
    planned: int | None  # steps
    spent: ResourceUsage

    @property
    def seed(self) -> int:
        return int(self.job.config["seed"])

    @property
    def value(self) -> float | None:
        """What the job counts with: nothing unless it came to a sound end of its own."""
        return self.best if self.status.succeeded and not self.pruned else None

    @property
    def pruned(self) -> bool:
        """Whether its search gave it up; to compare its best with others' would be unfair."""
        return is_pruned(self.status, self.reason)

    @property
    def failed(self) -> bool:
        return self.status.failed or (self.status.succeeded and self.best is None)

    @property
    def left(self) -> bool:
        """Whether the job has still to begin or to end."""
        return self.value is None and not self.failed and not self.pruned

    def row(self) -> dict[str, Any]:
        """The job in summary.json."""
        return {
            "name": self.job.name,
            "identity": self.job.identity,
            "configuration": self.job.configuration,
            "seed": self.seed,
            "status": self.status,
            "reason": self.reason,
            "monitor": self.monitor,
            "best": self.best,
            "best_step": self.best_step,
            **shown_spent(self.spent),
            "folder": self.folder.name,
        }


def result_of(state: JobState) -> Result:
    """Trusts nothing that run.json says beyond the form that the ledger has checked."""
    info = state.info
    best_step, monitor = _mapping(info.get("best")).get("step"), info.get("monitor")
    reason = state.reason
    if state.status.succeeded and state.best is None:
        reason = f"{reason}; its run.json has no value of what judges it"
    return Result(
        job=state.job,
        folder=state.folder,
        status=state.status,
        reason=reason,
        monitor=monitor if isinstance(monitor, str) else None,
        best=state.best,
        best_step=parse_count(best_step),
        planned=parse_count(info.get("steps")),
        spent=read_usage(RunFolder(state.folder), info),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def shown_spent(spent: ResourceUsage) -> dict[str, Any]:
    """In summary.json and summary.csv. `seconds` and `flops` are of training alone."""
    seconds = {phase: round(value, 3) for phase, value in spent.seconds.items()}
    return {
        "steps": spent.steps,
        "examples": spent.examples,
        "flops": spent.flops,
        "seconds": seconds.get("training"),
        "evaluation_seconds": seconds.get("evaluation"),
        "saving_seconds": seconds.get("saving"),
        "peak_memory_bytes": spent.host_bytes,
        "device_peak_memory_bytes": spent.device_bytes,
        "energy_joules": spent.joules,
    }
