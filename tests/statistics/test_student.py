"""Intervals against published tables, scipy and what they promise."""

from __future__ import annotations

import math
import random

import pytest
from scipy import stats

from genrun.statistics.paired_tests import paired_difference
from genrun.statistics.student_t import summarize_sample


@pytest.mark.parametrize(
    ("count", "quantile"),  # of Student's t, two-sided 95 %, from any printed table
    [(2, 12.7062), (3, 4.3027), (4, 3.1824), (5, 2.7764), (10, 2.2622), (30, 2.0452)],
)
def test_the_interval_is_students(count: int, quantile: float) -> None:
    values = [float(number) for number in range(count)]
    found = summarize_sample(values)
    half = quantile * found.deviation / math.sqrt(count)
    assert found.mean == (count - 1) / 2
    assert found.deviation == pytest.approx(math.sqrt(count * (count + 1) / 12), rel=1e-12)
    expected = (found.mean - half, found.mean + half)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-4 * half)


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300])
def test_equal_to_scipys(scale: float) -> None:
    draw = random.Random(0)
    for count in (2, 3, 7, 40):
        values = [draw.gauss(5.0, 2.0) for _ in range(count)]
        found = summarize_sample([value * scale for value in values])
        mean, error = sum(values) / count, stats.sem(values)
        low, high = stats.t.interval(0.95, count - 1, mean, error)
        ours = (found.mean, found.low, found.high)
        assert [number / scale for number in ours] == pytest.approx([mean, low, high], rel=1e-9)


def test_it_covers_the_true_mean_in_95_of_100() -> None:
    draw = random.Random(1)
    for count in (2, 3, 5):
        found = [
            summarize_sample([draw.gauss(7.0, 3.0) for _ in range(count)]) for _ in range(2000)
        ]
        covered = sum(one.low <= 7.0 <= one.high for one in found) / len(found)
        assert covered == pytest.approx(0.95, abs=0.0175)  # 3.6 standard errors


def test_one_value_says_nothing_about_its_spread() -> None:
    found = summarize_sample([3.5])
    assert (found.count, found.mean) == (1, 3.5)
    assert (found.deviation, found.low, found.high) == (None, None, None)


def test_equal_values_have_no_spread() -> None:
    found = summarize_sample([0.1, 0.1, 0.1])
    assert (found.mean, found.deviation, found.low, found.high) == (0.1, 0.0, 0.1, 0.1)


def test_the_largest_numbers_there_are_do_not_overflow_the_mean() -> None:
    found = summarize_sample([1.7e308, 1.7e308, -1.7e308, -1.7e308])
    assert found.mean == 0.0
    assert found.high == math.inf


def test_pairs_cancel_what_a_seed_does_to_both() -> None:
    draw = random.Random(2)
    luck = {seed: draw.gauss(0.0, 10.0) for seed in range(6)}
    first = {seed: 100.0 + luck[seed] for seed in luck}
    second = {seed: 101.0 + luck[seed] + 0.1 * (-1) ** seed for seed in luck}
    found = paired_difference(first, second)
    assert found.mean == pytest.approx(1.0, abs=1e-9)
    assert 0.7 < found.low < found.high < 1.3
    unpaired = summarize_sample(list(second.values()))
    assert unpaired.high - unpaired.low > 5.0


def test_only_seeds_that_both_have_are_pairs() -> None:
    found = paired_difference({0: 1.0, 1: 2.0, 2: 9.0}, {3: 50.0, 1: 2.5, 0: 2.5})
    assert (found.count, found.mean) == (2, 1.0)
    assert paired_difference({0: 1.0}, {1: 1.0}) is None
    assert paired_difference({0: 1.7e308}, {0: -1.7e308}) is None
