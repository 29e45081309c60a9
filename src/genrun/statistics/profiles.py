"""Profiles: the fraction of workloads or runs within a bound, as a function of the bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def time_ratios(times: Mapping[str, Sequence[float]]) -> dict[str, NDArray[np.float64]]:
    """Returns t / best t by contestant, one entry a workload (Dolan & More, 2002, section 2).

    Times are at least 0. An infinite one is a miss, whose ratio is infinite, also if all missed.
    If the best time is 0, those that have it get 1 and the others infinity. Raises ValueError for
    NaN, negative times, different numbers of workloads, and without workloads.
    """
    names = list(times)
    if not names or len({len(times[name]) for name in names}) != 1 or not times[names[0]]:
        raise ValueError("every contestant needs one time a workload, and there must be one")
    table = np.array([list(times[name]) for name in names], dtype=float)
    if np.isnan(table).any() or (table < 0).any():
        raise ValueError("a time is at least 0; a miss is infinite")
    best = table.min(axis=0)
    ratios = np.full(table.shape, np.inf)
    reached = np.isfinite(table)
    with np.errstate(over="ignore"):
        np.divide(table, best, out=ratios, where=reached & (best > 0))
    ratios[reached & (table == best)] = 1.0
    return dict(zip(names, ratios, strict=True))


def performance_profile(
    times: Mapping[str, Sequence[float]], taus: Sequence[float]
) -> dict[str, list[float]]:
    """Returns rho(tau) by contestant, the fraction of workloads whose ratio is at most tau.

    Dolan & More (2002, section 2). A miss is within no tau, not even an infinite one.
    """
    return {name: _within(ratios, taus).tolist() for name, ratios in time_ratios(times).items()}


def algoperf_score(times: Mapping[str, Sequence[float]], r_max: float = 4.0) -> dict[str, float]:
    """Returns the integral of rho from 1 to r_max over r_max - 1; 1 is best on all workloads.

    AlgoPerf's benchmark score (Dahl et al., 2023, arXiv 2306.07179). rho is a step function and is
    integrated exactly: a workload adds max(0, r_max - r). AlgoPerf's own scorer
    (scoring/performance_profile.py, `compute_leaderboard_score`) takes the trapezoid rule over 100
    evenly spaced taus, which displaces each step by at most half a cell: the two scores differ by
    at most 1 / 198, 0.0051, if its taus end at r_max too.
    """
    return {
        name: float(np.mean(np.maximum(r_max - ratios, 0.0))) / (r_max - 1)
        for name, ratios in time_ratios(times).items()
    }


def score_profile(strata: Sequence[Sequence[float]], taus: Sequence[float]) -> list[float]:
    """Returns the fraction of runs with a value of at most tau, averaged over the workloads.

    rliable's run-score distribution (Agarwal et al., 2021, section 4.2), which is the fraction
    above tau, reversed because lower is better here. Infinite values are within no tau. Raises
    ValueError if a workload has no runs.
    """
    if not strata or any(len(stratum) == 0 for stratum in strata):
        raise ValueError("every workload needs a run, and there must be one")
    fractions = [_within(np.asarray(stratum, dtype=float), taus) for stratum in strata]
    return [float(fraction) for fraction in np.mean(fractions, axis=0)]


def _within(values: NDArray[np.float64], taus: Sequence[float]) -> NDArray[np.float64]:
    """The fraction of values that are finite and at most tau, one entry a tau."""
    finite = np.sort(values[np.isfinite(values)])
    return np.searchsorted(finite, np.asarray(taus, dtype=float), side="right") / values.size
