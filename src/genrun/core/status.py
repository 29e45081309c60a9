"""The status of a run, as `status` and `reason` of run.json hold it."""

from __future__ import annotations

from enum import StrEnum

PRUNED = "pruner: "  # begins the reason of a trial that its search pruned


class RunStatus(StrEnum):
    """The status of a run; MISSING and RUNNING are of runs that have not ended."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED_EARLY = "stopped_early"
    INTERRUPTED = "interrupted"
    DIVERGED = "diverged"
    FAILED = "failed"
    MISSING = "missing"  # of a job without a run.json

    @property
    def ended(self) -> bool:
        """Whether the run has an outcome: resuming it changes nothing."""
        return self in (RunStatus.FINISHED, RunStatus.STOPPED_EARLY, RunStatus.DIVERGED)

    @property
    def succeeded(self) -> bool:
        """Whether the run has a final value that counts."""
        return self in (RunStatus.FINISHED, RunStatus.STOPPED_EARLY)

    @property
    def failed(self) -> bool:
        """Whether the run counts as worst: it diverged, or ended with an error."""
        return self in (RunStatus.DIVERGED, RunStatus.FAILED)


def is_pruned(status: str, reason: str) -> bool:
    """Whether a search pruned the run, so that its last value is not a final one."""
    return status == RunStatus.STOPPED_EARLY and reason.startswith(PRUNED)
