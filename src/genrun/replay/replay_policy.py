"""One stopping policy fed with a run's log, as the training loop would have fed it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from genrun.core.protocols.stopping import Stopper
from genrun.core.types import State
from genrun.replay.run_log import ReplayLog


@dataclass(frozen=True)
class Decision:
    """The step at which a policy would have stopped the run, and its reason."""

    step: int
    reason: str


def replay_policy(stopper: Stopper, log: ReplayLog) -> Decision | None:
    """Returns the first step at which the policy stops; None if the log ends before.

    The loop reports every step, but the log has rows for only some of them. Nothing is evaluated
    between two rows, so most policies keep their state there, and budgets only grow: these steps
    are searched only if the policy stops at the row after them. A policy whose state changes
    between rows is fed every step.
    """
    state = stopper.start()
    keeps_state: bool | None = None  # between rows; None until the first such step
    for index, report in enumerate(log.rows):
        between = log.steps_before(index)
        if between and keeps_state is None:
            keeps_state = stopper.observe(state, log.report_between(index, between[0]))[0] == state
        if between and not keeps_state:
            state, decision = _observe_between(stopper, state, log, index)
            if decision is not None:
                return decision
        following, reason = stopper.observe(state, report)
        if reason is not None:
            return _find_earlier(stopper, state, log, index) or Decision(report.step, reason)
        state = following
    return None


def earliest_stop(decisions: Sequence[Decision | None]) -> Decision | None:
    """Returns the decision that ends the run; of several at the same step the first listed."""
    made = [decision for decision in decisions if decision is not None]
    return min(made, key=lambda decision: decision.step, default=None)


def _observe_between(
    stopper: Stopper, state: State, log: ReplayLog, index: int
) -> tuple[State, Decision | None]:
    """Feeds every step without a row before the row at an index."""
    for step in log.steps_before(index):
        state, reason = stopper.observe(state, log.report_between(index, step))
        if reason is not None:
            return state, Decision(step, reason)
    return state, None


def _find_earlier(stopper: Stopper, state: State, log: ReplayLog, index: int) -> Decision | None:
    """Bisects for the first step that stops already, before the row that stopped."""

    def reason_at(step: int) -> str | None:
        return stopper.observe(state, log.report_between(index, step))[1]

    steps = log.steps_before(index)
    found = bisect_left(steps, True, key=lambda step: reason_at(step) is not None)
    if found == len(steps):
        return None
    return Decision(steps[found], reason_at(steps[found]) or "")
