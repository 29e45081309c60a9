"""What tuning costs: the best of so many trials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def best_so_far(values: Sequence[float]) -> list[float]:
    """The lowest of the first 1, 2, … trials in the order given; infinite while all failed.

    Raises ValueError for NaN.
    """
    return [float(value) for value in np.minimum.accumulate(_trials(values))] if values else []


def expected_best(values: Sequence[float]) -> list[float]:
    """The expected lowest of n = 1, 2, …, N trials drawn without replacement from these N.

    Of the values in order x_1 <= … <= x_N, x_i is the lowest of n in C(N - i, n - 1) of C(N, n)
    draws. The mean over all draws is an unbiased estimate for a random search of n trials (Tang et
    al., 2020, arXiv 2004.14004), where that of Dodge et al. (2019, arXiv 1909.03004), which draws
    with replacement, is biased. Failures are infinite: as long as n of them can be drawn, the
    expectation is. Raises ValueError for NaN.
    """
    ordered = np.sort(_trials(values))
    total = ordered.size
    found = []
    for drawn in range(1, total + 1):
        possible = ordered[: total - drawn + 1]  # n - 1 others are above it
        rank = np.arange(1, possible.size)
        # P(i) from P(i - 1): factorials of large N never appear
        ratios = (total - rank - drawn + 1) / (total - rank)
        weights = np.cumprod(np.concatenate([[drawn / total], ratios]))
        found.append(float(possible @ weights))
    return found


def _trials(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    array = np.asarray(values, dtype=float)
    if np.isnan(array).any():
        raise ValueError("a trial that failed is infinite, not NaN")
    return array
