"""What a training is to be, and how one ended."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.core.status import RunStatus


@dataclass(frozen=True)
class TrainingPlan:
    """How long, and how often what happens; all in steps."""

    steps: int
    log_every: int
    evaluate_every: int
    save_every: int
    sample_every: int
    monitor: str


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training ended: finished, stopped_early, interrupted or diverged."""

    status: RunStatus
    reason: str
