"""Bootstrap within strata."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from genrun.statistics.interval import CONFIDENCE, Interval

NUMBERS_AT_ONCE = 2**21  # 16 MiB of float64


def stratified_bootstrap(
    strata: Sequence[Sequence[float]],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    resamples: int,
    seed: int,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Percentile interval (Efron, 1979) of a statistic, runs being resampled within each stratum.

    The stratified bootstrap of rliable (Agarwal et al., 2021): workloads stay as they are, their
    runs are drawn with replacement. `statistic` reduces the last axis of an array (resamples,
    runs), the strata's runs one after the other in the order given. With few runs a stratum it is
    too narrow: `means.py` uses it from 30 on.
    """
    arrays = [np.asarray(stratum, dtype=float) for stratum in strata]
    pooled = np.concatenate(arrays)
    value = float(statistic(pooled[None])[0])
    if any(array.size < 2 for array in arrays):
        return Interval.unknown(value, pooled.size)
    chunks = _resampled(arrays, pooled.size, resamples, np.random.default_rng(seed))
    found = np.concatenate([statistic(chunk) for chunk in chunks])
    tail = (1 - confidence) / 2
    low, high = np.quantile(found, (tail, 1 - tail))
    return Interval(value, float(low), float(high), "bootstrap", pooled.size)


def _resampled(
    arrays: Sequence[NDArray[np.float64]],
    width: int,
    resamples: int,
    generator: np.random.Generator,
) -> Iterator[NDArray[np.float64]]:
    """Arrays (some, runs), `resamples` rows in all, each small enough for any machine's memory."""
    at_once = max(NUMBERS_AT_ONCE // width, 1)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = [one[generator.integers(one.size, size=(rows, one.size))] for one in arrays]
        yield np.concatenate(drawn, axis=1)
