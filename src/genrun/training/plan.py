"""How long a run trains and how often what happens, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.core.status import RunStatus


@dataclass(frozen=True)
class TrainingPlan:
    """The length of a run and the intervals of logging, evaluating, saving; all in steps."""

    steps: int
    log_every: int
    evaluate_every: int
    save_every: int
    sample_every: int
    monitor: str  # the held-out metric that decides which step was best


@dataclass(frozen=True)
class TrainingOutcome:
    """How training ended: finished, stopped_early, interrupted or diverged."""

    status: RunStatus
    reason: str
