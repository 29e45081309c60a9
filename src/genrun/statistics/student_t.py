"""Student's t: mean, deviation and interval of repeats."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from genrun.statistics.interval import CONFIDENCE, scale_exponent, scaled


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
    exponent = scale_exponent(values)
    small = [math.ldexp(value, -exponent) for value in values]
    mean = statistics.mean(small)  # exact, rounded once
    if count < 2:
        return Spread(count, values[0], None, None, None)
    deviation = statistics.stdev(small)
    half = t_quantile(confidence, count - 1) * deviation / math.sqrt(count)
    numbers = (scaled(x, exponent) for x in (mean, deviation, mean - half, mean + half))
    return Spread(count, *numbers)


def t_quantile(confidence: float, degrees: float) -> float:
    """What |t| of so many degrees of freedom stays below with that probability."""
    from scipy.special import stdtrit  # scipy.stats takes three times as long to import

    return float(stdtrit(degrees, (1 + confidence) / 2))


def t_p_value(t: float, degrees: float) -> float:
    """Two-sided: how often |t| is as large where there is no difference."""
    from scipy.special import stdtr

    return float(2 * stdtr(degrees, -abs(t)))


def satterthwaite(variances: Sequence[float], degrees: Sequence[float]) -> float:
    """Degrees of freedom of a sum of independent variance estimates (Satterthwaite, 1946).

    (sum v)^2 / sum(v^2 / d). The variances are those of the terms as they enter the sum.
    """
    largest = max(variances)
    shares = [variance / largest for variance in variances]
    return sum(shares) ** 2 / sum(v**2 / d for v, d in zip(shares, degrees, strict=True))
