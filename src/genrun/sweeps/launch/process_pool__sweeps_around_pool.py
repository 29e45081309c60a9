"""What a pool is given: where its jobs come from, who watches, and how much it puts up with."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from genrun.sweeps.job_state import JobState
from genrun.sweeps.plan import Job


class Source(Protocol):
    """Where jobs come from: a list, or a search that makes them as it learns."""

    def take(self) -> Job | None:
        """The next job; None where there is none, or none yet."""

    def ended(self, state: JobState) -> None: ...


class Listed:
    """Jobs of a list, in its order."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = deque(jobs)

    def take(self) -> Job | None:
        return self._jobs.popleft() if self._jobs else None

    def ended(self, state: JobState) -> None:
        return None


class Watcher(Protocol):
    """What a person sees of a sweep."""

    def begun(self, job: Job) -> None: ...

    def progress(self, job: Job, step: int, steps: int) -> None: ...

    def ended(self, state: JobState) -> None: ...

    def note(self, text: str) -> None: ...


@dataclass(frozen=True)
class Limits:
    """What a job may take, and what a sweep puts up with."""

    timeout_seconds: float | None
    retries: int  # of a job that crashed; one that raised would raise again
    give_up_after: int  # equal failures in a row
