"""Means and interquartile means: worked by hand, against scipy, and what intervals promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from genrun.statistics.bootstrap import stratified_bootstrap
from genrun.statistics.means import (
    interquartile_mean,
    iqm_interval,
    mean_interval,
    stratified_mean_interval,
    winsorized_variances,
)

INF = math.inf


def test_the_mean_with_students_interval() -> None:
    found = mean_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 2.7764451 * math.sqrt(2.5 / 5)  # t(4) from a printed table
    assert (found.value, found.count, found.method) == (3.0, 5, "student_t")
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), rel=1e-7)


@pytest.mark.parametrize(
    ("values", "value"), [([3.5], 3.5), ([1.0, INF], INF), ([INF, INF, INF], INF)]
)
def test_what_says_nothing_of_its_spread_has_no_interval(
    values: list[float], value: float
) -> None:
    for found in (mean_interval(values), stratified_mean_interval([values, values])):
        assert (found.value, found.low, found.high, found.method) == (value, None, None, "none")


def test_no_values_are_an_error() -> None:
    for call in (mean_interval, interquartile_mean, stratified_mean_interval):
        with pytest.raises(ValueError, match="no values"):
            call([])
    with pytest.raises(ValueError, match="no values"):
        iqm_interval([], resamples=10, seed=0)


def test_strata_of_a_mean_weigh_the_same() -> None:
    """Means 2 and 20; variances of them 1/3 and 100/3, a quarter of each in that of their mean."""
    found = stratified_mean_interval([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    error = math.sqrt((1 / 3 + 100 / 3) / 4)
    degrees = (1 + 100) ** 2 / (1 / 2 + 100**2 / 2)
    half = stats.t.ppf(0.975, degrees) * error
    assert found.value == 11.0
    assert (found.low, found.high) == pytest.approx((11 - half, 11 + half), rel=1e-9)
    assert stratified_mean_interval([[1.0, 2.0]]) == mean_interval([1.0, 2.0])


@pytest.mark.parametrize(
    ("values", "value"),
    [
        ([4.0], 4.0),
        ([1.0, 2.0, 6.0], 3.0),  # a quarter of three is none
        ([100.0, 1.0, 2.0, 3.0], 2.5),
        ([5.0, 4.0, 3.0, 2.0, -90.0], 3.0),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 800.0], 4.5),
        ([1.0, 2.0, 3.0, INF], 2.5),
        ([1.0, 2.0, INF, INF], INF),
    ],
)
def test_interquartile_means_by_hand(values: list[float], value: float) -> None:
    assert interquartile_mean(values) == value


def test_interquartile_mean_is_scipys_trimmed_mean() -> None:
    """rliable's `aggregate_iqm`: trim_mean(scores, 0.25, axis=None) of runs x tasks."""
    generator = np.random.default_rng(0)
    for count in range(1, 50):
        values = generator.normal(size=count)
        expected = stats.trim_mean(values, 0.25)
        assert interquartile_mean(values.tolist()) == pytest.approx(expected, rel=1e-12)


def test_the_trimmed_interval_by_hand() -> None:
    """1 2 3 4 9: kept 2 3 4, winsorized 2 2 3 4 4 with variance 1; t(2), h = 3 of n = 5."""
    found = iqm_interval([[9.0, 1.0, 3.0, 2.0, 4.0]], resamples=10, seed=0)
    half = 4.3026527 * math.sqrt((5 - 1) * 1.0 / (3 * 2))
    assert (found.value, found.method, found.count) == (3.0, "trimmed_t", 5)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), rel=1e-7)


def test_an_outlier_does_not_matter_how_far_out_it_is() -> None:
    near = iqm_interval([[1.0, 2.0, 3.0, 4.0, 9.0]], resamples=10, seed=0)
    for far in (9e9, INF):
        assert iqm_interval([[1.0, 2.0, 3.0, 4.0, far]], resamples=10, seed=0) == near
    beyond = iqm_interval([[1.0, 2.0, INF, INF]], resamples=10, seed=0)
    assert (beyond.value, beyond.low, beyond.high) == (INF, None, None)


def test_variances_of_strata_by_hand() -> None:
    """Pooled 0 1 2 3 | 10 11 12 13: quartiles 2 and 11, h = 4; clipped 2 2 2 3 and 10 11 11 11."""
    variances, degrees = winsorized_variances([np.arange(4.0), np.arange(10.0, 14.0)])
    factor = 7 * 4 / (8 * 3) / 4**2
    assert variances == pytest.approx([0.25 * 4 * factor, 0.25 * 4 * factor], rel=1e-12)
    assert degrees == [1.5, 1.5]  # of h - 1 = 3


def test_a_stratum_that_is_all_cut_off_adds_nothing() -> None:
    variances, _ = winsorized_variances([np.arange(4.0), 50 + np.arange(4.0), 90 + np.arange(8.0)])
    assert variances[0] == 0.0
    assert variances[1] > 0


def test_one_run_in_a_stratum_leaves_its_spread_unknown() -> None:
    found = iqm_interval([[1.0, 2.0, 3.0], [2.0]], resamples=10, seed=0)
    assert (found.value, found.low, found.method) == (2.0, None, "none")


def test_the_bootstrap_takes_over_where_it_covers() -> None:
    values = np.random.default_rng(0).normal(size=30).tolist()
    assert iqm_interval([values[:29]], resamples=100, seed=0).method == "trimmed_t"
    assert iqm_interval([values, values[:29]], resamples=100, seed=0).method == "trimmed_t"
    assert iqm_interval([values, values], resamples=100, seed=0).method == "bootstrap"


def test_both_methods_agree_where_both_hold() -> None:
    generator = np.random.default_rng(1)
    strata = [generator.normal(shift, 1.0, size=200).tolist() for shift in (0.0, 0.5)]
    resampled = iqm_interval(strata, resamples=10_000, seed=0)
    variances, _ = winsorized_variances([np.asarray(stratum) for stratum in strata])
    assert resampled.high - resampled.low == pytest.approx(
        2 * 1.96 * math.sqrt(sum(variances)), rel=0.04
    )


def test_the_bootstrap_resamples_within_strata() -> None:
    """Strata of equal values: no resample differs, however far apart they are."""

    def mean(runs: np.ndarray) -> np.ndarray:
        return runs.mean(axis=-1)

    found = stratified_bootstrap([[1.0] * 3, [100.0] * 3], mean, resamples=500, seed=0)
    assert (found.value, found.low, found.high) == (50.5, 50.5, 50.5)


def test_the_bootstrap_draws_every_run() -> None:
    """Of two runs a quarter of the resamples has the one twice, and a quarter the other."""
    found = stratified_bootstrap(
        [[0.0, 10.0]], lambda runs: runs.mean(axis=-1), resamples=500, seed=0
    )
    assert (found.value, found.low, found.high) == (5.0, 0.0, 10.0)


def test_the_bootstraps_interval_is_the_normal_limit() -> None:
    values = np.random.default_rng(3).normal(size=400)
    found = stratified_bootstrap(
        [values.tolist()], lambda runs: runs.mean(axis=-1), resamples=10_000, seed=5
    )
    half = 1.96 * values.std() / math.sqrt(400)
    assert found.low == pytest.approx(values.mean() - half, abs=0.05 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.05 * half)
    again = stratified_bootstrap(
        [values.tolist()], lambda runs: runs.mean(axis=-1), resamples=10_000, seed=5
    )
    assert again == found


def test_resamples_come_in_pieces_that_fit_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrun.statistics.bootstrap.LARGEST_CHUNK", 100)
    shapes = []

    def mean(runs: np.ndarray) -> np.ndarray:
        shapes.append(runs.shape)
        return runs.mean(axis=-1)

    stratified_bootstrap([[1.0, 2.0], [3.0, 4.0, 5.0]], mean, resamples=47, seed=0)
    assert shapes == [(1, 5), (20, 5), (20, 5), (7, 5)]


def test_the_largest_numbers_there_are_do_not_overflow() -> None:
    found = iqm_interval([[1.7e308, 1.6e308, -1.7e308, -1.6e308, 0.0]], resamples=10, seed=0)
    assert found.value == 0.0
    assert found.high == INF or found.high > 1e308
    assert stratified_mean_interval([[1.7e308, 1.7e308], [-1.7e308, -1.7e308]]).value == 0.0
