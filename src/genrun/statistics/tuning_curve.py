"""Tuning curves: the best of n trials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def best_so_far(values: Sequence[float]) -> list[float]:
    """Returns the lowest of the first 1, 2, … trials in their order; infinite while all failed.

    Raises ValueError for NaN.
    """
    return [float(value) for value in np.minimum.accumulate(_trials(values))] if values else []


def expected_best(values: Sequence[float]) -> list[float]:
    """Returns the expected lowest of n = 1, 2, …, N trials drawn without replacement from all N.

    With the values sorted, x_1 <= … <= x_N, x_i is the lowest in C(N - i, n - 1) of the C(N, n)
    draws. The mean over all draws is an unbiased estimate for a random search of n trials (Tang et
    al., 2020, arXiv 2004.14004); that of Dodge et al. (2019, arXiv 1909.03004), which draws with
    replacement, is biased. Failures are infinite, and so is the expectation as long as n of them
    can be drawn. Raises ValueError for NaN.
    """
    ordered = np.sort(_trials(values))
    total = ordered.size
    expectations = []
    for drawn in range(1, total + 1):
        possible = ordered[: total - drawn + 1]  # the lowest has n - 1 values above it
        rank = np.arange(1, possible.size)
        # P(i) from P(i - 1), so that no factorial of a large N is computed
        ratios = (total - rank - drawn + 1) / (total - rank)
        weights = np.cumprod(np.concatenate([[drawn / total], ratios]))
        expectations.append(float(possible @ weights))
    return expectations


def _trials(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    array = np.asarray(values, dtype=float)
    if np.isnan(array).any():
        raise ValueError("a trial that failed is infinite, not NaN")
    return array
