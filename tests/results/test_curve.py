"""A curve's best, last and worst values, and times to a target, on worked examples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genrun.results.curve import Curve

NAN, INFINITE = math.nan, math.inf


def curve(values: list[float], seconds: list[float] | None = None) -> Curve:
    steps = 10.0 * np.arange(len(values))
    return Curve(
        cost={
            "steps": steps,
            "seconds": np.array(seconds or list(0.5 * steps)),
            "examples": 8 * steps,
            "flops": 1000 * steps,
        },
        values={"loss": np.array(values)},
    )


@pytest.mark.parametrize(
    ("budget", "best", "last"),
    [
        (-1, INFINITE, INFINITE),
        (0, 5.0, 5.0),
        (10, 3.0, 3.0),
        (25, 3.0, 4.0),
        (INFINITE, 2.0, 2.0),
    ],
)
def test_values_within_a_budget_of_steps(budget: float, best: float, last: float) -> None:
    found = curve([5, 3, 4, 2])
    assert found.best("loss", "steps", budget) == best
    assert found.last("loss", "steps", budget) == last


def test_a_budget_on_another_axis() -> None:
    found = curve([5, 3, 4, 2], seconds=[0, 7, 8, 90])
    assert found.best("loss", "seconds", 8) == 3
    assert found.best("loss", "examples", 79) == 5
    assert found.best("loss", "flops", 30_000) == 2


def test_evaluations_without_the_metric_are_passed_over() -> None:
    found = curve([NAN, 5, NAN, 6])
    assert list(found.best_so_far("loss")) == [INFINITE, 5, 5, 5]
    assert found.worst("loss") == 6
    assert found.best("loss", "steps", 5) == INFINITE
    assert found.last("loss", "steps", 25) == 5


def test_what_was_never_measured() -> None:
    found = curve([1, 2])
    assert found.best("other") == INFINITE
    assert found.worst("other") == -INFINITE
    assert found.time_to("other", 9, "steps") == INFINITE


def test_time_to_a_target_is_that_of_the_first_evaluation_at_or_under_it() -> None:
    found = curve([5, 3, 4, 2])
    assert found.time_to("loss", 3, "steps") == 10
    assert found.time_to("loss", 2.9, "seconds") == 15
    assert found.time_to("loss", 2.9, "examples") == 240
    assert found.time_to("loss", 2.9, "flops") == 30_000
    assert found.time_to("loss", 1.9, "steps") == INFINITE


def test_a_run_without_timings_has_no_total_and_no_time() -> None:
    found = curve([5, 3], seconds=[NAN, NAN])
    assert math.isnan(found.total("seconds"))
    assert found.time_to("loss", 4, "seconds") == INFINITE
    assert found.total("steps") == 10
