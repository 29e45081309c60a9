"""The stratified bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from genrun.statistics.interval import CONFIDENCE, Interval

LARGEST_CHUNK = 2**21  # 16 MiB of float64


def stratified_bootstrap(
    strata: Sequence[Sequence[float]],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    resamples: int,
    seed: int,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Returns the percentile interval (Efron, 1979) of a statistic of all strata's values.

    The stratified bootstrap of rliable (Agarwal et al., 2021, arXiv 2108.13264): the strata, which
    are workloads, stay as they are, and their runs are drawn with replacement. `statistic` reduces
    the last axis of an array (resamples, runs), in which the strata follow each other. With few
    runs a stratum the interval is too narrow: `means.py` uses it from 30 on. No bounds if a
    stratum has a single value.
    """
    arrays = [np.asarray(stratum, dtype=float) for stratum in strata]
    pooled = np.concatenate(arrays)
    value = float(statistic(pooled[None])[0])
    if any(array.size < 2 for array in arrays):
        return Interval.unknown(value, pooled.size)
    chunks = _resampled(arrays, pooled.size, resamples, np.random.default_rng(seed))
    estimates = np.concatenate([statistic(chunk) for chunk in chunks])
    tail = (1 - confidence) / 2
    low, high = np.quantile(estimates, (tail, 1 - tail))
    return Interval(value, float(low), float(high), "bootstrap", pooled.size)


def _resampled(
    arrays: Sequence[NDArray[np.float64]],
    width: int,
    resamples: int,
    generator: np.random.Generator,
) -> Iterator[NDArray[np.float64]]:
    """Yields arrays (rows, runs) with `resamples` rows in all, at most 16 MiB each."""
    most_rows = max(LARGEST_CHUNK // width, 1)
    for start in range(0, resamples, most_rows):
        rows = min(most_rows, resamples - start)
        drawn = [one[generator.integers(one.size, size=(rows, one.size))] for one in arrays]
        yield np.concatenate(drawn, axis=1)
