"""Mean, deviation and interval of repeats; differences of paired ones."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """What repeats of one thing say; all in the values' unit.

    `deviation` is the sample's (n - 1); `low` and `high` bound the mean's interval. They are None
    for a single value, which says nothing about its spread.
    """

    count: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None


def spread(values: Sequence[float], confidence: float = CONFIDENCE) -> Spread:
    """Student's t interval (1908): mean +- t(n - 1) * deviation / sqrt(n).

    It covers as often as it says where the values are normal, with any number of them from two.
    The values must be finite and there must be one at least.
    """
    count = len(values)
    # Scaled by a power of two, which is exact: a sum of finite numbers may be none.
    exponent = max(math.frexp(value)[1] for value in values)
    scaled = [math.ldexp(value, -exponent) for value in values]
    mean = statistics.mean(scaled)  # exact, rounded once
    if count < 2:
        return Spread(count, values[0], None, None, None)
    deviation = statistics.stdev(scaled)
    half = _student_t(confidence, count - 1) * deviation / math.sqrt(count)
    numbers = (_times(x, exponent) for x in (mean, deviation, mean - half, mean + half))
    return Spread(count, *numbers)


def paired_difference(first: Mapping[int, float], second: Mapping[int, float]) -> Spread | None:
    """Of second minus first over the seeds that both have; None without any.

    The same seed gives both the same initial weights, batches and noise, so much of what a seed
    does cancels, and the interval is narrower than that of unpaired means.
    """
    differences = [second[seed] - value for seed, value in first.items() if seed in second]
    if not differences or not all(map(math.isfinite, differences)):
        return None
    return spread(differences)


def _student_t(confidence: float, degrees: int) -> float:
    from scipy.special import stdtrit  # scipy.stats takes three times as long to import

    return float(stdtrit(degrees, (1 + confidence) / 2))


def _times(number: float, exponent: int) -> float:
    try:
        return math.ldexp(number, exponent)
    except OverflowError:
        return math.copysign(math.inf, number)
