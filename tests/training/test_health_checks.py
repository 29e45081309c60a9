"""The checks on a log by tables of values: at which rows they begin and end."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence

import pytest

from genrun.core.types import HealthTransition
from genrun.training.health import GradientExplosion, ThresholdWatch


def changes(watch: ThresholdWatch, rows: Sequence[tuple[int, float | None]]) -> dict[int, bool]:
    """The steps at which the condition begins (True) and ends (False)."""
    state, found = watch.start(), {}
    for step, value in rows:
        row = {"step": step} if value is None else {"step": step, "x": value}
        before = copy.deepcopy(state)
        following, change = watch.observe(state, row)
        assert state == before, "the given state is not changed"
        state = json.loads(json.dumps(following))
        if change is not None:
            assert isinstance(change, HealthTransition)
            found[step] = change.began
    return found


def trouble(above: bool = False, steps: int = 0, rows: int = 1) -> ThresholdWatch:
    return ThresholdWatch("x", above=above, limit=0.5, steps=steps, rows=rows, meaning="bad")


@pytest.mark.parametrize(
    ("watch", "rows", "expected"),
    [
        # three in a row; rows without the value in between say nothing
        (trouble(rows=3), [(1, 0.1), (2, 0.1), (3, None), (4, 0.1), (5, 0.1)], {4: True}),
        (trouble(rows=3), [(1, 0.1), (2, 0.1), (3, 0.5), (4, 0.1), (5, 0.1)], {}),
        (trouble(rows=3), [(1, 0.1), (2, 0.1), (3, 0.9), (4, 0.1), (5, 0.1), (6, 0.1)], {6: True}),
        # the untrained networks do not count
        (trouble(rows=2), [(0, 0.1), (5, 0.1), (10, 0.1)], {10: True}),
        # once when it begins, once when it ends, and again
        (trouble(), [(1, 0.1), (2, 0.1), (3, 0.9), (4, 0.9), (5, 0.1)],
         {1: True, 3: False, 5: True}),
        # a row stands for the steps since the one before: 100 to 600 are 500 steps
        (trouble(above=True, steps=500), [(s, 0.4 if s == 100 else 0.9) for s in
                                          range(50, 1001, 50)], {600: True}),
        (trouble(above=True, steps=500), [(500, 0.9)], {500: True}),
        (trouble(above=True, steps=500), [(499, 0.9)], {}),
        (trouble(above=True, steps=500), [(s, 0.5) for s in range(50, 2000, 50)], {}),
        # evaluations farther apart than the span: two are needed all the same
        (trouble(steps=20, rows=2), [(0, 0.1), (100, 0.1), (200, 0.1)], {200: True}),
        # and nearer: all of the span's
        (trouble(steps=20, rows=2), [(s, 0.1) for s in range(0, 60, 5)], {20: True}),
    ],
)  # fmt: skip
def test_threshold_watch(
    watch: ThresholdWatch, rows: list[tuple[int, float | None]], expected: dict[int, bool]
) -> None:
    assert changes(watch, rows) == expected


def reasons(
    watch: GradientExplosion, norms: Sequence[float], name: str = "vae/gradient_norm"
) -> list[int]:
    state, found = watch.start(), []
    for step, norm in enumerate(norms, start=1):
        before = copy.deepcopy(state)
        following, reason = watch.observe(state, {"step": step, name: norm, "vae/loss": 1e9})
        assert state == before
        state = json.loads(json.dumps(following))
        assert all(len(history) <= watch.history for history in state["norms"].values())
        if reason is not None:
            assert f"{name} was" in reason
            assert f"at step {step}" in reason
            found.append(step)
    return found


@pytest.mark.parametrize(
    ("norms", "expected"),
    [
        ([1.0] * 10 + [101.0] * 5, 15),
        ([1.0] * 10 + [100.0] * 50, None),  # not more than 100 times
        ([1.0] * 10 + [101.0] * 4 + [1.0] + [101.0] * 4 + [1.0], None),  # not in a row
        ([1.0] * 4 + [101.0] * 5, None),  # the fifth row is not judged yet
        ([10.0**i for i in range(5)] + [1e9] * 5, 10),
        ([0.0] * 10 + [1.0] * 50, None),  # what has done nothing yet may begin
        ([1e-3] * 60 + [1.0] * 50, 65),
    ],
)
def test_explosion(norms: list[float], expected: int | None) -> None:
    found = reasons(GradientExplosion(factor=100.0, rows=5, history=50), norms)
    assert found[:1] == ([] if expected is None else [expected])


def test_the_history_of_norms_is_bounded() -> None:
    watch = GradientExplosion(factor=100.0, rows=5, history=10)
    slowly = [2.0 ** (i / 3) for i in range(60)]  # 10^6 in the end, never 100 times its median
    assert reasons(watch, slowly) == []


def test_each_player_has_its_own_median() -> None:
    watch = GradientExplosion(factor=100.0, rows=2, history=9)
    state = watch.start()
    for step in range(1, 20):
        row = {"step": step, "d/gradient_norm": 1e6, "g/gradient_norm": 1.0}
        state, reason = watch.observe(state, row)
        assert reason is None
