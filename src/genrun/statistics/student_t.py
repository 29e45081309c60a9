"""Student's t distribution, and the summary of a sample with its interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from genrun.statistics.interval import CONFIDENCE, multiply_by_power_of_two, scale_exponent


@dataclass(frozen=True)
class SampleSummary:
    """Mean and spread of a sample, in the values' unit.

    `deviation` is the sample standard deviation (n - 1 in the denominator); `low` and `high` bound
    the mean's confidence interval. All three are None for a single value.
    """

    count: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None


def summarize_sample(values: Sequence[float], confidence: float = CONFIDENCE) -> SampleSummary:
    """Returns the mean with Student's t interval (1908), mean +- t(n - 1) * deviation / sqrt(n).

    It covers exactly if the values are normal, from two values on. The values must be finite, and
    there must be at least one.
    """
    count = len(values)
    exponent = scale_exponent(values)
    small = [math.ldexp(value, -exponent) for value in values]
    mean = statistics.mean(small)  # exact, rounded once
    if count < 2:
        return SampleSummary(count, values[0], None, None, None)
    deviation = statistics.stdev(small)
    half = t_quantile(confidence, count - 1) * deviation / math.sqrt(count)
    numbers = (
        multiply_by_power_of_two(x, exponent) for x in (mean, deviation, mean - half, mean + half)
    )
    return SampleSummary(count, *numbers)


def t_quantile(confidence: float, degrees: float) -> float:
    """Returns the bound that |t| of so many degrees of freedom is below with this probability."""
    from scipy.special import stdtrit  # scipy.stats takes three times as long to import

    return float(stdtrit(degrees, (1 + confidence) / 2))


def t_p_value(t: float, degrees: float) -> float:
    """Returns the two-sided p-value of t: P(|T| >= |t|) if there is no difference."""
    from scipy.special import stdtr

    return float(2 * stdtr(degrees, -abs(t)))


def satterthwaite_degrees(variances: Sequence[float], degrees: Sequence[float]) -> float:
    """Returns the degrees of freedom of a sum of independent variance estimates.

    (sum v)^2 / sum(v^2 / d) for variances v of the terms with d degrees (Satterthwaite, 1946).
    """
    largest = max(variances)
    shares = [variance / largest for variance in variances]
    return sum(shares) ** 2 / sum(v**2 / d for v, d in zip(shares, degrees, strict=True))
