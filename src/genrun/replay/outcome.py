"""The outcome of a stopping policy in one run: the compute saved, and the quality lost."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from genrun.core.status import RunStatus
from genrun.replay.replay_policy import Decision
from genrun.replay.run_log import ReplayLog
from genrun.results.curve import Axis
from genrun.results.record import RunRecord


@dataclass(frozen=True)
class ReplayOutcome:
    """One run under one set of policies. Values are of the held-out metric, lower is better.

    The fields are written to the replay's JSON under their names.
    """

    run: str
    seed: int
    status: RunStatus  # how the run itself ended
    step: int | None  # at which it stops; None if the log ends before
    reason: str
    end: int  # the last step of the log
    spent: float  # cost on the axis until the stop, or the end of the log
    total: float  # cost of the whole log
    start: float  # the first value
    kept: float  # the best value until the stop: that of the best checkpoint
    last: float  # the last value of the log: the result without stopping
    best: float  # the best value of the whole log

    @property
    def saved(self) -> float:
        """The cost saved, in units of the axis."""
        return self.total - self.spent

    @property
    def saved_share(self) -> float:
        return self.saved / self.total if self.total > 0 else 0.0

    @property
    def lost(self) -> float:
        """Relative to the last value of the log; negative if stopping improved the result."""
        return self.kept - self.last

    @property
    def regret(self) -> float:
        """Relative to the best value of the whole log; never negative."""
        return self.kept - self.best

    @property
    def improvement(self) -> float:
        """From the first to the best value: the scale that makes workloads comparable."""
        return self.start - self.best


def has_held_out_values(run: RunRecord, metric: str) -> bool:
    """Whether the run has a finite held-out value of the metric."""
    return bool(np.isfinite(run.curve.measured(metric)).any())


def build_outcome(
    run: RunRecord, log: ReplayLog, decision: Decision | None, metric: str, axis: Axis
) -> ReplayOutcome:
    """Returns the outcome of a decision in a run with held-out values of the metric.

    A stop before the first value keeps the first value.
    """
    values = run.curve.measured(metric)
    measured = values[np.isfinite(values)]
    end = log.rows[-1].step
    stop = end if decision is None else decision.step
    kept = run.curve.best(metric, "steps", stop)
    return ReplayOutcome(
        run=run.name,
        seed=run.seed,
        status=run.status,
        step=None if decision is None else decision.step,
        reason="" if decision is None else decision.reason,
        end=end,
        spent=log.cost_at(axis, stop),
        total=log.cost_at(axis, end),
        start=float(measured[0]),
        kept=kept if math.isfinite(kept) else float(measured[0]),
        last=float(measured[-1]),
        best=float(measured.min()),
    )
