"""Probability of improvement and Mann and Whitney's test: by hand, by counting, against scipy."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from scipy import stats

from genrun.statistics.rank_tests import (
    average_improvements,
    mann_whitney_p_value,
    probability_of_improvement,
)

INF = math.inf


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        ([1.0, 2.0], [3.0, 4.0], 1.0),
        ([3.0, 4.0], [1.0, 2.0], 0.0),
        ([1.0, 3.0], [2.0, 4.0], 0.75),  # of four pairs only 3 < 2 fails
        ([1.0, 2.0, 2.0], [2.0, 3.0], 5 / 6),  # 2 + (0.5 + 1) * 2 of 6
        ([1.0, INF], [2.0, INF], 0.625),  # 1 < 2, 1 < inf, inf > 2, a tie
        ([INF], [INF], 0.5),
        ([1.0], [INF, 0.0, 1.0], 0.5),
    ],
)
def test_by_hand(first: list[float], second: list[float], value: float) -> None:
    assert probability_of_improvement(first, second).value == value


def test_it_is_rliables_definition_the_other_way_up() -> None:
    """rliable: scipy's U of X against Y over the number of pairs, more being better."""
    draw = random.Random(0)
    for _ in range(20):
        first = [draw.randrange(6) for _ in range(draw.randrange(2, 9))]
        second = [draw.randrange(6) for _ in range(draw.randrange(2, 9))]
        above = stats.mannwhitneyu([-x for x in first], [-x for x in second]).statistic
        expected = above / (len(first) * len(second))
        assert probability_of_improvement(first, second).value == pytest.approx(expected)


def test_the_interval_is_where_the_estimate_is_z_standard_errors_off() -> None:
    """Newcombe (2006), method 5, checked in its own equation at both bounds."""
    found = probability_of_improvement([1.0, 2.0, 3.0, 7.0], [2.5, 4.0, 5.0, 6.0, 8.0])
    for theta in (found.low, found.high):
        shared = (4.5 - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        error = math.sqrt(theta * (1 - theta) * (1 + shared) / 20)
        assert abs(found.value - theta) == pytest.approx(1.959964 * error, rel=1e-6)
    assert found.low < found.value < found.high


def test_where_one_side_always_wins_the_interval_has_a_length() -> None:
    sure = probability_of_improvement([1.0] * 5, [2.0] * 5)
    surer = probability_of_improvement([1.0] * 20, [2.0] * 20)
    assert sure.high == surer.high == 1.0
    assert 0.5 < sure.low < surer.low < 1.0
    assert probability_of_improvement([1.0], [2.0, 3.0]).low is None


def test_correlated_pairs_narrow_the_interval() -> None:
    generator = np.random.default_rng(0)
    luck, noise = generator.normal(size=20), 0.1 * generator.normal(size=20)
    first, second = luck.tolist(), (luck + noise + 0.3).tolist()
    apart = probability_of_improvement(first, second)
    together = probability_of_improvement(first, second, paired=True)
    assert together.value == apart.value
    assert together.high - together.low < 0.6 * (apart.high - apart.low)
    opposed = probability_of_improvement(first, (-luck).tolist(), paired=True)
    alone = probability_of_improvement(first, (-luck).tolist())
    assert opposed.high - opposed.low > 1.2 * (alone.high - alone.low)
    with pytest.raises(ValueError, match="pairs"):
        probability_of_improvement([1.0, 2.0], [1.0, 2.0, 3.0], paired=True)


def test_several_workloads_are_averaged() -> None:
    """rliable's mean over tasks; the squares of the distances to the bounds add up."""
    one = probability_of_improvement([1.0, 3.0, 5.0], [2.0, 4.0, 6.0])
    two = probability_of_improvement([1.0, 1.0, 1.0], [2.0, 2.0, 2.0])
    both = average_improvements([one, two])
    assert both.value == pytest.approx((6 / 9 + 1) / 2)
    assert both.high == pytest.approx(both.value + (one.high - one.value) / 2)
    assert both.low == pytest.approx(
        both.value - math.hypot(one.value - one.low, two.value - two.low) / 2
    )
    assert average_improvements([one]) == one
    unknown = average_improvements([one, probability_of_improvement([1.0], [2.0])])
    assert (unknown.value, unknown.low) == (pytest.approx((6 / 9 + 1) / 2), None)


def counted(first: list[float], second: list[float]) -> float:
    """Every split of the pooled values: those at most as low, or at most as high, twice."""

    def wins(chosen: set[int]) -> float:
        others = [x for i, x in enumerate(pooled) if i not in chosen]
        return sum((pooled[i] < x) + 0.5 * (pooled[i] == x) for i in chosen for x in others)

    pooled = first + second
    splits = [set(c) for c in itertools.combinations(range(len(pooled)), len(first))]
    observed = wins(set(range(len(first))))
    low = sum(wins(split) <= observed for split in splits)
    high = sum(wins(split) >= observed for split in splits)
    return min(1.0, 2 * min(low, high) / len(splits))


def test_the_exact_p_counts_every_split_with_ties() -> None:
    draw = random.Random(1)
    for _ in range(15):
        first = [float(draw.randrange(4)) for _ in range(draw.randrange(1, 6))]
        second = [draw.choice([0.0, 1.0, 2.0, INF]) for _ in range(draw.randrange(1, 6))]
        assert mann_whitney_p_value(first, second) == pytest.approx(
            counted(first, second), rel=1e-12
        )


def test_the_exact_p_is_scipys_without_ties() -> None:
    generator = np.random.default_rng(2)
    for one, two in ((3, 3), (5, 9), (30, 30)):
        first, second = generator.normal(size=one), generator.normal(0.5, size=two)
        expected = stats.mannwhitneyu(first, second, method="exact").pvalue
        assert mann_whitney_p_value(first, second) == pytest.approx(expected, rel=1e-9)


def test_many_values_are_compared_with_the_normal() -> None:
    generator = np.random.default_rng(3)
    for shift in (0.0, 0.3):
        first = generator.integers(0, 9, size=50) + 0.0
        second = np.round(generator.integers(0, 9, size=40) + shift)
        expected = stats.mannwhitneyu(first, second, method="asymptotic").pvalue
        assert mann_whitney_p_value(first, second) == pytest.approx(expected, rel=1e-9)
    assert mann_whitney_p_value([1.0] * 40, [1.0] * 40) == 1.0


def test_not_a_number_is_no_rank() -> None:
    for call in (probability_of_improvement, mann_whitney_p_value):
        with pytest.raises(ValueError, match="NaN"):
            call([1.0, math.nan], [1.0])
        with pytest.raises(ValueError, match="need values"):
            call([], [1.0])
