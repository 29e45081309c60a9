"""Tables: the values that a policy observes, and the step at which it stops."""

import pytest

from genrun.components.stopping.budget import Budget
from genrun.components.stopping.early import Early
from genrun.components.stopping.plateau import Plateau
from genrun.components.stopping.target import Target
from genrun.core.errors import ConfigError
from genrun.core.protocols.stopping import Stopper
from genrun.core.types import StepReport


def stops_at(stopper: Stopper, values: list[float | None]) -> int | None:
    state = stopper.start()
    for step, value in enumerate(values, start=1):
        metrics = {} if value is None else {"m": value}
        state, reason = stopper.observe(state, StepReport(step, step * 10, step * 0.5, metrics))
        if reason:
            return step
    return None


@pytest.mark.parametrize(
    ("patience", "min_delta", "values", "expected"),
    [
        (2, 0.0, [3, 2, 1, 0.5, 0.4], None),
        (2, 0.0, [3, 2, 2, 2], 4),
        (2, 0.0, [3, 4, 2, 4, 4], 5),
        (2, 0.0, [3, None, None, 4, None, 4], 6),
        (1, 0.0, [3, 3], 2),
        (2, 0.5, [3, 2.8, 2.6], 3),  # neither falls by more than 0.5
        (2, 0.5, [3, 2.8, 2.4, 2.3, 2.2], 5),  # 2.4 does, against the 3 that counted
        (3, 0.0, [None] * 9, None),
    ],
)
def test_early(
    patience: int, min_delta: float, values: list[float | None], expected: int | None
) -> None:
    assert stops_at(Early(patience, min_delta, "m"), values) == expected


def test_early_names_its_best() -> None:
    stopper = Early(1, 0.0, "m")
    state, _ = stopper.observe(stopper.start(), StepReport(7, 0, 0, {"m": 2.5}))
    _, reason = stopper.observe(state, StepReport(9, 0, 0, {"m": 3.0}))
    assert "best 2.5 at step 7" in (reason or "")


@pytest.mark.parametrize(
    ("seconds", "examples", "expected"),
    [(2.0, None, 4), (None, 25, 3), (2.0, 25, 3), (1.0, 25, 2), (100.0, None, None)],
)
def test_budget(seconds: float | None, examples: int | None, expected: int | None) -> None:
    assert stops_at(Budget(seconds, examples, None), [None] * 6) == expected


def test_budget_of_flops() -> None:
    stopper = Budget(None, None, 250.0)
    stopped = [
        stopper.observe({}, StepReport(step, 0, 0.0, flops=step * 100))[1] is not None
        for step in range(5)
    ]
    assert stopped == [False, False, False, True, True]
    with pytest.raises(ConfigError, match=r"stopping.budget.flops: .* not counted"):
        stopper.observe({}, StepReport(9, 0, 0.0))


def test_budget_needs_a_limit() -> None:
    with pytest.raises(ValueError, match="seconds"):
        Budget(None, None, None)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3, 2, 1], 3), ([3, 1.001], None), ([None, 0.5], 2), ([1.0], 1)],
)
def test_target(values: list[float | None], expected: int | None) -> None:
    assert stops_at(Target(1.0, "m"), values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([8, 7, 6, 5, 4, 3], None),
        ([8, 7, 7, 7], 4),  # the line through 7, 7, 7
        ([8, 7, 7, None, 7], 5),
        ([4, 5, 6], 3),  # rising is flat
        ([9, 3, 8.9], 3),  # the line falls by 1.4 %
        ([2, 2], None),  # the window is not full
    ],
)
def test_plateau(values: list[float | None], expected: int | None) -> None:
    assert stops_at(Plateau(3, 0.02, "m"), values) == expected
