"""Profiles and AlgoPerf's score on cases worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genrun.statistics.profiles import (
    algoperf_score,
    performance_profile,
    score_profile,
    time_ratios,
)

INF = math.inf
TIMES = {
    "adam": [10.0, 30.0, INF, INF, 7.0],
    "sgd": [20.0, 10.0, 50.0, INF, 7.0],
}  # ratios: adam 1 3 inf inf 1, sgd 2 1 1 inf 1


def test_ratios_to_the_best() -> None:
    found = time_ratios(TIMES)
    assert found["adam"].tolist() == [1.0, 3.0, INF, INF, 1.0]
    assert found["sgd"].tolist() == [2.0, 1.0, 1.0, INF, 1.0]


def test_a_target_met_at_the_start_takes_no_time() -> None:
    found = time_ratios({"a": [0.0, 0.0], "b": [5.0, 0.0], "c": [INF, INF]})
    assert [ratios.tolist() for ratios in found.values()] == [[1.0, 1.0], [INF, 1.0], [INF, INF]]


def test_profiles_by_hand() -> None:
    found = performance_profile(TIMES, taus=[0.9, 1.0, 1.99, 2.0, 3.0, 1e300, INF])
    assert found["adam"] == [0.0, 0.4, 0.4, 0.4, 0.6, 0.6, 0.6]
    assert found["sgd"] == [0.0, 0.6, 0.6, 0.8, 0.8, 0.8, 0.8]


def test_algoperf_score_by_hand() -> None:
    """rho of adam is 2/5 from 1 to 3 and 3/5 to 4; of sgd 3/5 to 2 and 4/5 to 4."""
    found = algoperf_score(TIMES)
    assert found["adam"] == pytest.approx((2 * 2 / 5 + 1 * 3 / 5) / 3)
    assert found["sgd"] == pytest.approx((1 * 3 / 5 + 2 * 4 / 5) / 3)


def test_algoperf_score_at_its_ends() -> None:
    assert algoperf_score({"best": [1.0, 2.0], "at_r_max": [4.0, 8.0], "missed": [INF, INF]}) == {
        "best": 1.0,
        "at_r_max": 0.0,
        "missed": 0.0,
    }
    assert algoperf_score({"only": [INF]}) == {"only": 0.0}
    assert algoperf_score({"a": [1.0], "b": [2.0]}, r_max=2.0) == {"a": 1.0, "b": 0.0}


def trapezoid(heights: list[float], places: np.ndarray) -> float:
    means = (np.array(heights[1:]) + heights[:-1]) / 2
    return float(means @ np.diff(places))


def test_algoperfs_own_scorer_differs_by_half_a_cell_at_most() -> None:
    """100 taus from 1 to 4 and the trapezoid rule, as its compute_leaderboard_score."""
    generator = np.random.default_rng(0)
    taus = np.linspace(1.0, 4.0, 100)
    for _ in range(50):
        times = {
            name: np.where(generator.random(8) < 0.2, INF, generator.uniform(1, 5, 8)).tolist()
            for name in "abc"
        }
        profile = performance_profile(times, taus.tolist())
        exact = algoperf_score(times)
        for name, rho in profile.items():
            assert exact[name] == pytest.approx(trapezoid(rho, taus) / 3, abs=1 / 198)


def test_the_exact_score_is_the_limit_of_ever_finer_taus() -> None:
    taus = np.linspace(1.0, 4.0, 300_001)
    for name, rho in performance_profile(TIMES, taus.tolist()).items():
        assert algoperf_score(TIMES)[name] == pytest.approx(trapezoid(rho, taus) / 3, abs=1e-5)


@pytest.mark.parametrize(
    "times", [{}, {"a": []}, {"a": [1.0], "b": [1.0, 2.0]}, {"a": [math.nan]}, {"a": [-1.0]}]
)
def test_what_are_no_times(times: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="time"):
        algoperf_score(times)


def test_score_profiles_by_hand() -> None:
    """Each workload counts the same however many runs it has; a failure is never within."""
    strata = [[1.0, 2.0, 3.0, INF], [2.0, 2.0]]
    assert score_profile(strata, [0.5, 1.0, 2.0, 3.0, INF]) == [0.0, 0.125, 0.75, 0.875, 0.875]
    with pytest.raises(ValueError, match="needs a run"):
        score_profile([[1.0], []], [1.0])


def test_score_profile_is_rliables_for_negated_scores() -> None:
    """rliable: np.mean(scores > tau) over runs x tasks; here values are -scores."""
    scores = np.random.default_rng(0).integers(0, 9, size=(5, 3)).astype(float)
    values = (-scores).T.tolist()
    for tau in (0.5, 3.5, 8.5):
        assert score_profile(values, [-tau])[0] == pytest.approx(np.mean(scores > tau))
