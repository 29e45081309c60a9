"""What a policy would have made of one run: what was saved, and what was lost."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from genrun.core.status import RunStatus
from genrun.replay.replay_policy import Decision
from genrun.replay.run_log import Log
from genrun.results.curve import Axis
from genrun.results.record import RunRecord


@dataclass(frozen=True)
class Outcome:
    """One run under one set of policies. Quality is the held-out metric, lower is better."""

    run: str
    seed: int
    status: RunStatus  # how the run itself ended
    step: int | None  # at which it stops; None: the log ends before
    reason: str
    end: int  # the last step of the log
    spent: float  # on the axis, until the stop or the end of the log
    total: float  # of the whole log
    start: float  # the first value
    kept: float  # the best value until the stop: what the kept checkpoint would have
    last: float  # of the log: what running on and taking the end gives
    best: float  # of the whole log

    @property
    def saved(self) -> float:
        """In the axis' units."""
        return self.total - self.spent

    @property
    def saved_share(self) -> float:
        return self.saved / self.total if self.total > 0 else 0.0

    @property
    def lost(self) -> float:
        """Against running on and taking the end; below 0 where stopping gained."""
        return self.kept - self.last

    @property
    def regret(self) -> float:
        """Against the best of the whole log; never below 0."""
        return self.kept - self.best

    @property
    def fall(self) -> float:
        """How far the run got from its start: the scale that workloads have in common."""
        return self.start - self.best


def judged(run: RunRecord, metric: str) -> bool:
    """Whether the run ever measured what it is to be judged by."""
    return bool(np.isfinite(run.curve.measured(metric)).any())


def outcome(
    run: RunRecord, log: Log, decision: Decision | None, metric: str, axis: Axis
) -> Outcome:
    """Of a run that is `judged`. A stop before the first value keeps that first one."""
    values = run.curve.measured(metric)
    measured = values[np.isfinite(values)]
    end = log.rows[-1].step
    stop = end if decision is None else decision.step
    kept = run.curve.best(metric, "steps", stop)
    return Outcome(
        run=run.name,
        seed=run.seed,
        status=run.status,
        step=None if decision is None else decision.step,
        reason="" if decision is None else decision.reason,
        end=end,
        spent=log.spent(axis, stop),
        total=log.spent(axis, end),
        start=float(measured[0]),
        kept=kept if math.isfinite(kept) else float(measured[0]),
        last=float(measured[-1]),
        best=float(measured.min()),
    )
