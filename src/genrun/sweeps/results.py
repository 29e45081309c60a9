"""A job as a summary counts it: what it reached and what it cost, or why it did not."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnusable
from genrun.core.reasons import is_pruned
from genrun.runs.folder import RunFolder
from genrun.runs.strict_json import finite_number
from genrun.sweeps.ledger import JobState
from genrun.sweeps.plan import Job

VALUED = ("finished", "stopped_early")
LONGEST_NUMBER = 8  # characters
MOST = 1e18  # steps, examples or seconds; a sum of what is above might be no number
FAILED = ("diverged", "failed")
NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*|(?=\.[0-9]))(\.[0-9]*)?([eE][-+]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Result:
    """One job. A number that run.json has not, or not in earnest, is None."""

    job: Job
    folder: Path
    status: str
    reason: str
    monitor: str | None  # the held-out metric that judged it
    best: float | None  # the lowest value of it; so far, where the job has not ended
    best_step: int | None
    steps: int | None  # done
    planned: int | None
    examples: int | None
    seconds: float | None  # of training, evaluation and saving left out

    @property
    def seed(self) -> int:
        return int(self.job.config["seed"])

    @property
    def value(self) -> float | None:
        """What the job counts with: nothing unless it came to a sound end of its own."""
        return self.best if self.status in VALUED and not self.pruned else None

    @property
    def pruned(self) -> bool:
        """Whether its search gave it up; to compare its best with others' would be unfair."""
        return is_pruned(self.status, self.reason)

    @property
    def failed(self) -> bool:
        return self.status in FAILED or (self.status in VALUED and self.best is None)

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
            "steps": self.steps,
            "examples": self.examples,
            "seconds": self.seconds,
            "folder": self.folder.name,
        }


def result_of(state: JobState) -> Result:
    """Trusts nothing that run.json says beyond the form that the ledger has checked."""
    info = state.info
    spent = _mapping(info.get("compute"))
    seconds, steps = _mapping(spent.get("seconds")).get("training"), spent.get("steps")
    examples = spent.get("examples")
    if info and state.status not in (*VALUED, "diverged", "interrupted"):
        # it runs, or ended without noting what it took: run.json may hold that of an earlier part
        with contextlib.suppress(CheckpointUnusable):
            so_far = RunFolder(state.folder).timings()
            rows = RunFolder(state.folder).rows()
            seconds, steps = so_far.get("training", seconds), so_far.get("step", steps)
            examples = rows[-1].get("examples", examples) if rows else examples
    best_step, monitor = _mapping(info.get("best")).get("step"), info.get("monitor")
    reason = state.reason
    if state.status in VALUED and state.best is None:
        reason = f"{reason}; its run.json has no value of what judges it"
    return Result(
        job=state.job,
        folder=state.folder,
        status=state.status,
        reason=reason,
        monitor=monitor if isinstance(monitor, str) else None,
        best=state.best,
        best_step=_count(best_step),
        steps=_count(steps),
        planned=_count(info.get("steps")),
        examples=_count(examples),
        seconds=_positive(seconds),
    )


def as_number(text: str | None) -> float | None:
    """What a swept value is as a number, where it is a plain and finite one."""
    return finite_number(float(text)) if text and NUMBER.fullmatch(text) else None


def brief(text: str) -> str:
    """A swept value with at most four digits where it is a number of many."""
    number = as_number(text)
    return text if number is None or len(text) <= LONGEST_NUMBER else f"{number:.4g}"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _positive(number: Any) -> float | None:
    value = finite_number(number)
    return None if value is None or not 0 <= value <= MOST else value


def _count(number: Any) -> int | None:
    value = _positive(number)
    return None if value is None else int(value)
