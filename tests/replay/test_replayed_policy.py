"""One policy over a log: the exact step, also between rows of the log."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from genrun.components.stopping.budget import Budget
from genrun.components.stopping.early import Early
from genrun.core.types import State, StepReport
from genrun.replay.replay_policy import Decision, earliest_stop, replay_policy
from tests.replay.made_up import make_log

LOG = make_log({0: 9.0, 10: 5.0, 15: None, 20: 6.0, 30: 7.0})


@dataclass(frozen=True)
class Counts:
    """Stops at its third report: a policy whose state changes at every step."""

    def start(self) -> State:
        return {"seen": 0}

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        seen = state["seen"] + 1
        return {"seen": seen}, f"at {report.step}" if seen == 3 else None

    def describe(self, state: State) -> str:
        return ""


@pytest.mark.parametrize(
    ("budget", "step", "reason"),
    [
        (Budget(None, 121, None), 13, "130 examples"),
        (Budget(None, 100, None), 10, "100 examples"),
        (Budget(None, 0, None), 0, "0 examples"),
        (Budget(None, 300, None), 30, "300 examples"),
        (Budget(None, 301, None), None, ""),
        (Budget(6.3, None, None), 13, "6.5 s of training"),
        (Budget(None, None, 1799.0), 18, "1800 FLOPs"),
        (Budget(6.3, 110, 9999.0), 11, "110 examples"),
    ],
)
def test_a_budget_stops_between_rows(budget: Budget, step: int | None, reason: str) -> None:
    found = replay_policy(budget, LOG)
    assert (None if found is None else found.step) == step
    assert found is None or reason in found.reason


def test_a_policy_that_watches_a_metric_stops_at_an_evaluation() -> None:
    found = replay_policy(Early(1, 0.0, "m"), LOG)
    assert found is not None
    assert found.step == 20
    assert "best 5 at step 10" in found.reason
    assert replay_policy(Early(2, 0.0, "m"), LOG) == Decision(
        30, "early: m has not improved by 0 in 2 evaluations; best 5 at step 10"
    )
    assert replay_policy(Early(3, 0.0, "m"), LOG) is None


def test_a_policy_that_changes_at_every_step_is_fed_every_step() -> None:
    assert replay_policy(Counts(), LOG) == Decision(2, "at 2")
    assert replay_policy(Counts(), make_log({0: 1.0, 1: None, 9: None})) == Decision(2, "at 2")
    assert replay_policy(Counts(), make_log({0: 1.0, 1: 1.0, 2: 1.0})) == Decision(2, "at 2")


def test_the_first_of_several_stops_the_run() -> None:
    early, late, tied = Decision(3, "a"), Decision(5, "b"), Decision(3, "c")
    assert earliest_stop([None, late, tied, early]) == tied
    assert earliest_stop([None, None]) is None


def test_the_cost_between_rows() -> None:
    cost = {axis: LOG.cost_at(axis, 13) for axis in ("steps", "seconds", "examples", "flops")}  # type: ignore[arg-type]  # a literal each
    assert cost == {"steps": 13.0, "seconds": 6.5, "examples": 130.0, "flops": 1300.0}
    assert LOG.cost_at("seconds", 0) == 0.0
