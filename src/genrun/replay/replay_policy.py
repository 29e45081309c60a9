"""One stopping policy fed a run's log, as the loop would have fed it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from genrun.core.protocols.stopping import Stopper
from genrun.core.types import State
from genrun.replay.run_log import Log


@dataclass(frozen=True)
class Decision:
    """Where a policy would have stopped the run, and why."""

    step: int
    reason: str


def replay(stopper: Stopper, log: Log) -> Decision | None:
    """The first step at which the policy stops; None where the log ends before.

    The loop reports every step, the log has a row for some. What lies between two rows has
    nothing evaluated, so most policies do not change there, and budgets only grow: it is enough
    to look there where the row after it stops. A policy that does change is fed every step.
    """
    state = stopper.start()
    quiet: bool | None = None  # whether steps without a row change nothing; not known yet
    for place, report in enumerate(log.rows):
        between = log.steps_before(place)
        if between and quiet is None:
            quiet = stopper.observe(state, log.between(place, between[0]))[0] == state
        if between and not quiet:
            state, decision = _each(stopper, state, log, place)
            if decision is not None:
                return decision
        following, reason = stopper.observe(state, report)
        if reason is not None:
            return _earlier(stopper, state, log, place) or Decision(report.step, reason)
        state = following
    return None


def first(decisions: Sequence[Decision | None]) -> Decision | None:
    """Of several policies in one run: who stops first; of those that stop together the first."""
    made = [decision for decision in decisions if decision is not None]
    return min(made, key=lambda decision: decision.step, default=None)


def _each(stopper: Stopper, state: State, log: Log, place: int) -> tuple[State, Decision | None]:
    for step in log.steps_before(place):
        state, reason = stopper.observe(state, log.between(place, step))
        if reason is not None:
            return state, Decision(step, reason)
    return state, None


def _earlier(stopper: Stopper, state: State, log: Log, place: int) -> Decision | None:
    """Back before the row that stopped: the first step since the row before that stops already."""

    def reason_at(step: int) -> str | None:
        return stopper.observe(state, log.between(place, step))[1]

    steps = log.steps_before(place)
    found = bisect_left(steps, True, key=lambda step: reason_at(step) is not None)
    if found == len(steps):
        return None
    return Decision(steps[found], reason_at(steps[found]) or "")
