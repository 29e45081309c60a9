"""Comparisons: by hand, against scipy and published tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from genrun.statistics.paired_tests import (
    compare_pair,
    holm_adjust,
    improvement_by_seed,
    paired_power,
    seeds_to_decide,
)


def by_seed(*values: float) -> dict[int, float]:
    return dict(enumerate(values))


def test_paired_seeds_are_students_paired_test() -> None:
    """Differences 1 2 3: mean 2, deviation 1, t = 2 sqrt(3)."""
    found = compare_pair(by_seed(10.0, 20.0, 30.0), by_seed(11.0, 22.0, 33.0))
    half = 4.3026527 / math.sqrt(3)
    assert (found.pairs, found.difference.value, found.deviation) == (3, 2.0, 1.0)
    assert (found.difference.low, found.difference.high) == pytest.approx((2 - half, 2 + half))
    assert found.p_value == pytest.approx(stats.ttest_rel([11, 22, 33], [10, 20, 30]).pvalue)
    assert found.difference.method == "student_t"


def test_seeds_that_one_lacks_make_no_pairs() -> None:
    found = compare_pair({0: 1.0, 1: 2.0, 2: 3.0, 3: 9.0}, {2: 3.5, 1: 2.5, 0: 1.75})
    assert found.pairs == 3
    assert found.difference.value == pytest.approx(1.75 / 3)
    assert found.improvement.count == 7  # ranks take all runs


def test_without_shared_seeds_it_is_welchs() -> None:
    first, second = [1.0, 2.0, 4.0, 8.0], [5.0, 5.5, 7.0]
    found = compare_pair(by_seed(*first), {100 + i: x for i, x in enumerate(second)})
    expected = stats.ttest_ind(second, first, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert (found.pairs, found.difference.method) == (0, "welch_t")
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.difference.low, found.difference.high) == pytest.approx(tuple(interval))
    assert found.deviation == pytest.approx(
        math.hypot(np.std(first, ddof=1), np.std(second, ddof=1))
    )


def test_a_few_shared_seeds_of_many_do_not_throw_the_others_away() -> None:
    first = {seed: float(seed % 7) for seed in range(10)}
    assert compare_pair(first, {seed: 1.0 + seed % 3 for seed in range(8, 18)}).pairs == 0
    assert compare_pair(first, {seed: 1.0 + seed % 3 for seed in range(5, 15)}).pairs == 5


@pytest.mark.parametrize(("first", "second"), [({0: 1.0}, {0: 2.0}), ({0: 1.0, 1: 3.0}, {5: 2.0})])
def test_one_pair_says_nothing_of_how_sure(
    first: dict[int, float], second: dict[int, float]
) -> None:
    found = compare_pair(first, second)
    assert (found.difference.low, found.difference.high, found.p_value) == (None, None, None)


@pytest.mark.parametrize("shift", [0, 100])  # paired and not
def test_equal_throughout_is_no_difference(shift: int) -> None:
    """But for a rounding."""
    above = math.nextafter(0.1, 1.0)
    found = compare_pair(by_seed(0.1, 0.1, 0.1), {seed + shift: above for seed in range(3)})
    assert (found.difference.value, found.difference.low, found.difference.high) == (0, 0, 0)
    assert found.p_value == 1.0


@pytest.mark.parametrize(
    ("count", "p_value"), [(2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125), (8, 0.0078125)]
)
def test_always_the_same_difference_is_tested_by_its_sign(count: int, p_value: float) -> None:
    """0.1 apart in decimals, so apart by more or less a rounding in binary: not p = 0."""
    first = {seed: 0.1 * seed for seed in range(count)}
    found = compare_pair(first, {seed: value + 0.7 for seed, value in first.items()})
    assert found.p_value == p_value
    assert found.difference.value == pytest.approx(0.7)
    assert (found.difference.low is None) == (p_value > 0.05)
    assert found.difference.method == ("none" if p_value > 0.05 else "sign")


def test_constants_of_different_seeds_are_tested_by_permutation() -> None:
    """C(6, 3) = 20 and C(8, 4) = 70 ways to divide them, two of which are as extreme."""
    three = compare_pair(by_seed(1.0, 1.0, 1.0), dict.fromkeys((7, 8, 9), 2.0))
    four = compare_pair(by_seed(1.0, 1.0, 1.0, 1.0), dict.fromkeys((6, 7, 8, 9), 2.0))
    assert (three.p_value, three.difference.low) == (0.1, None)
    assert (four.p_value, four.difference.low) == (2 / 70, 1.0)


def test_one_side_that_never_varies_is_no_special_case() -> None:
    """A contestant that always failed has the worst value each time."""
    found = compare_pair(by_seed(1.0, 2.0, 3.0), by_seed(9.0, 9.0, 9.0))
    assert (found.difference.value, found.deviation) == (7.0, 1.0)
    assert found.p_value == pytest.approx(stats.ttest_1samp([6, 7, 8], 0).pvalue)


def test_numbers_near_the_largest_do_not_overflow() -> None:
    scale = 2.0**1000
    for shift in (0, 50):
        second = {seed + shift: value for seed, value in by_seed(3.0, 5.0, 6.0).items()}
        small = compare_pair(by_seed(1.0, 2.0, 4.0), second)
        large = compare_pair(
            by_seed(scale, 2 * scale, 4 * scale), {seed: scale * x for seed, x in second.items()}
        )
        assert large.p_value == small.p_value
        assert large.difference.high == small.difference.high * scale
    opposite = compare_pair(by_seed(1.7e308, 1.6e308), by_seed(-1.7e308, -1.5e308))
    assert opposite.difference.value == -math.inf


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_failures_must_have_been_replaced(bad: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        compare_pair(by_seed(1.0, 2.0), by_seed(bad, 2.0))
    if bad == math.inf:
        assert improvement_by_seed(by_seed(1.0, 2.0), by_seed(bad, 2.5)).value == 1.0


def test_improvement_is_paired_where_all_seeds_are() -> None:
    first = {seed: float(seed) for seed in range(12)}
    second = {seed: value + 0.4 for seed, value in reversed(first.items())}
    together = improvement_by_seed(first, second)
    apart = improvement_by_seed(first, {seed + 50: value for seed, value in second.items()})
    assert together.value == apart.value
    assert together.high - together.low < 0.6 * (apart.high - apart.low)
    assert compare_pair(first, second).improvement == together


def test_holm_by_hand() -> None:
    """Sorted .01 .02 .03 .04 times 4 3 2 1: .04 .06 .06 .06."""
    assert holm_adjust([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm_adjust([0.9, 0.5]) == [1.0, 1.0]
    assert holm_adjust([0.2]) == [0.2]
    assert holm_adjust([]) == []


@pytest.mark.parametrize(
    ("effect", "pairs"),
    [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)],  # Cohen (1988); G*Power 3.1, two-sided 5 %
)
def test_seeds_to_decide_are_the_published_sample_sizes(effect: float, pairs: int) -> None:
    assert seeds_to_decide(deviation=2.0, difference=-2.0 * effect) == pairs
    assert paired_power(pairs - 1, effect, 0.05) < 0.8 <= paired_power(pairs, effect, 0.05)
    critical = stats.t.ppf(0.975, pairs - 1)
    beyond = stats.nct(pairs - 1, effect * math.sqrt(pairs))
    expected = beyond.sf(critical) + beyond.cdf(-critical)
    assert paired_power(pairs, effect, 0.05) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("deviation", "difference", "pairs"),
    [
        (1.0, 0.0, None),
        (1.0, 1e-4, None),
        (math.inf, 1.0, None),
        (1.0, math.nan, None),
        (0.0, 1.0, 2),
        (1.0, 1e9, 2),
        (1e-300, 1e300, 2),
    ],
)
def test_seeds_to_decide_at_the_ends(
    deviation: float, difference: float, pairs: int | None
) -> None:
    assert seeds_to_decide(deviation, difference) == pairs


def test_power_is_a_number_and_grows_with_the_pairs() -> None:
    """scipy's lower tail is NaN at many noncentralities over 3; its share there is below 1e-6."""
    for effect in np.geomspace(0.5, 60.0, 80):
        powers = [paired_power(pairs, effect, 0.05 / 3) for pairs in range(2, 12)]
        assert all(0 <= power <= 1 + 1e-12 for power in powers), effect
        assert np.all(np.diff(powers) > -1e-9), effect


def test_two_pairs_do_not_show_what_takes_three() -> None:
    """Power 0.394 by numerical integration, where scipy's lower tail is NaN."""
    assert paired_power(2, 13.95, 0.05 / 3) == pytest.approx(0.394, abs=0.002)
    assert seeds_to_decide(1.0, 13.95, level=0.05 / 3) == 3


def test_power_by_simulation() -> None:
    generator = np.random.default_rng(0)
    drawn = generator.normal(0.8, 1.0, size=(20_000, 12))
    found = (stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.05).mean()
    assert paired_power(12, 0.8, 0.05) == pytest.approx(found, abs=0.012)
