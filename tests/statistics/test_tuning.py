"""The best of so many trials: by hand and by drawing every subset."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from genrun.statistics.tuning_curve import best_so_far, expected_best

INF = math.inf


def test_best_so_far_keeps_the_order() -> None:
    assert best_so_far([INF, 3.0, 5.0, INF, 1.0, 2.0]) == [INF, 3.0, 3.0, 3.0, 1.0, 1.0]
    assert best_so_far([]) == []


def test_expected_best_by_hand() -> None:
    """Of 1 2 4: the mean; the lowest of (1,2) (1,4) (2,4) is 1 1 2; then all three."""
    assert expected_best([4.0, 1.0, 2.0]) == pytest.approx([7 / 3, 4 / 3, 1.0])
    assert expected_best([5.0]) == [5.0]
    assert expected_best([]) == []


def test_it_is_the_mean_over_all_subsets() -> None:
    draw = random.Random(0)
    values = [draw.gauss(0.0, 1.0) for _ in range(8)] + [0.5, 0.5]
    for drawn, found in enumerate(expected_best(values), start=1):
        lowest = [min(subset) for subset in itertools.combinations(values, drawn)]
        assert found == pytest.approx(sum(lowest) / len(lowest), rel=1e-9, abs=1e-12)


def test_it_is_infinite_as_long_as_only_failures_can_be_drawn() -> None:
    """Two of four failed: any three have one that did not. (1,2,inf) (1,2,inf) (1,…) (2,…)."""
    found = expected_best([INF, 2.0, INF, 1.0])
    assert found == [INF, INF, pytest.approx((1 + 1 + 1 + 2) / 4), 1.0]
    assert expected_best([INF, INF]) == [INF, INF]


def test_a_thousand_trials() -> None:
    """Of 1 … N the expected lowest of n is (N + 1) / (n + 1)."""
    found = expected_best([float(number) for number in range(1, 1001)])
    for drawn in (1, 2, 10, 500, 999, 1000):
        assert found[drawn - 1] == pytest.approx(1001 / (drawn + 1), rel=1e-9)


def test_not_a_number_is_no_result() -> None:
    for call in (best_so_far, expected_best):
        with pytest.raises(ValueError, match="infinite"):
            call([1.0, math.nan])
