"""Tests of the difference between two contestants, and corrections for many such tests."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genrun.statistics.interval import (
    CONFIDENCE,
    Interval,
    multiply_by_power_of_two,
    scale_exponent,
)
from genrun.statistics.rank_tests import probability_of_improvement
from genrun.statistics.student_t import (
    SampleSummary,
    satterthwaite_degrees,
    summarize_sample,
    t_p_value,
    t_quantile,
)

MOST_SEEDS = 10_000  # more are not practical
ROUNDING = 8 * sys.float_info.epsilon  # of values scaled to at most 1
MeanTest = tuple[Interval, float | None, float | None]  # difference, deviation, p-value


@dataclass(frozen=True)
class PairComparison:
    """The second minus the first: positive if the first is better (lower).

    `pairs` counts the seeds that both have, 0 if they were compared as unpaired. `deviation` is
    the standard deviation of a pair's difference, which `seeds_to_decide` takes. `p_value` is
    two-sided for the hypothesis of equal means, None for single values. `improvement` is the
    probability that a run of the first is lower than one of the second.
    """

    pairs: int
    difference: Interval
    deviation: float | None
    p_value: float | None
    improvement: Interval


def compare_pair(
    first: Mapping[int, float], second: Mapping[int, float], confidence: float = CONFIDENCE
) -> PairComparison:
    """Compares two sides, given as finite values by seed, at least one each.

    Paired by seed (Student's t) if they share at least two seeds and half of those that either
    has; else Welch's t (1947). The choice depends on the seeds only, never on values.

    If the differences vary by no more than rounding, t is not defined. Differences of 0 give the
    interval [0, 0] and p = 1. A constant difference is tested by sign or, if unpaired, by the
    number of ways to divide the values (Fisher's permutation test): n pairs give p = 2^(1 - n), so
    6 are needed for 95 %, and with fewer there is no interval.

    Raises ValueError for values that are not finite, and if a side has none.
    """
    both = [*first.values(), *second.values()]
    if not all(map(math.isfinite, both)):
        raise ValueError("means of values that are not finite cannot be compared")
    improvement = improvement_by_seed(first, second, confidence)
    exponent = scale_exponent(both)  # squares of the largest floats overflow
    one = {seed: math.ldexp(value, -exponent) for seed, value in first.items()}
    two = {seed: math.ldexp(value, -exponent) for seed, value in second.items()}
    shared = [seed for seed in one if seed in two]
    pairs = len(shared)
    if pairs >= 2 and 2 * pairs >= max(len(one), len(two)):
        found = _paired([two[seed] - one[seed] for seed in shared], confidence)
    else:
        pairs, found = 0, _welch([*one.values()], [*two.values()], confidence)
    difference, deviation, p_value = found
    deviation = None if deviation is None else multiply_by_power_of_two(deviation, exponent)
    return PairComparison(pairs, difference.scale(exponent), deviation, p_value, improvement)


def improvement_by_seed(
    first: Mapping[int, float], second: Mapping[int, float], confidence: float = CONFIDENCE
) -> Interval:
    """Returns `probability_of_improvement`, paired if both sides have the same seeds."""
    if first.keys() == second.keys():
        values = list(first.values()), [second[seed] for seed in first]
        return probability_of_improvement(*values, confidence, paired=True)
    return probability_of_improvement([*first.values()], [*second.values()], confidence)


def paired_difference(
    first: Mapping[int, float], second: Mapping[int, float]
) -> SampleSummary | None:
    """Returns the second minus the first over the seeds that both have; None without any.

    The same seed means the same initial weights, batches and noise, so much of a seed's effect
    cancels, and the interval is narrower than that of unpaired means.
    """
    differences = [second[seed] - value for seed, value in first.items() if seed in second]
    if not differences or not all(map(math.isfinite, differences)):
        return None
    return summarize_sample(differences)


def holm_adjust(p_values: Sequence[float]) -> list[float]:
    """Adjusted so that one false rejection among all is no likelier than the level (Holm, 1979).

    The i-th smallest of m times m - i + 1, at least as large as the one before, at most 1; in the
    order given. Needs no independence.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def seeds_to_decide(
    deviation: float, difference: float, power: float = 0.8, level: float = 0.05
) -> int | None:
    """Returns the fewest pairs with which a paired t-test detects `difference` with this power.

    `deviation` is the standard deviation of a pair's difference, in the same unit. Uses the
    noncentral t distribution with n - 1 degrees of freedom and noncentrality difference /
    deviation * sqrt(n). None if more than 10,000 are needed or a number is not finite.
    """
    if difference == 0 or not (math.isfinite(deviation) and math.isfinite(difference)):
        return None
    if deviation <= 0:
        return 2
    effect = abs(difference) / deviation
    low, high = 1, 2
    while paired_power(high, effect, level) < power:
        low, high = high, 2 * high
        if low > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        enough = paired_power(middle, effect, level) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high if high <= MOST_SEEDS else None


def paired_power(pairs: int, effect: float, level: float) -> float:
    """Returns the power of the two-sided paired t-test if difference / deviation is `effect`."""
    from scipy.special import nctdtr

    noncentrality = effect * math.sqrt(pairs)
    critical = t_quantile(1 - level, pairs - 1)
    if noncentrality - critical > 30:
        return 1.0  # where scipy's series loses its digits
    above = 1 - nctdtr(pairs - 1, noncentrality, critical)
    below = nctdtr(
        pairs - 1, noncentrality, -critical
    )  # NaN if scipy's precision does not suffice
    return float(above if math.isnan(below) else above + below)


def _paired(values: Sequence[float], confidence: float) -> MeanTest:
    found = summarize_sample(values, confidence)
    if found.deviation is None or max(values) - min(values) <= ROUNDING:
        return _constant(found.mean, 2.0 ** (1 - found.count), "sign", found.count, confidence)
    t = found.mean / (found.deviation / math.sqrt(found.count))
    interval = Interval(found.mean, found.low, found.high, "student_t", found.count)
    return interval, found.deviation, t_p_value(t, found.count - 1)


def _welch(first: Sequence[float], second: Sequence[float], confidence: float) -> MeanTest:
    """Welch's test; the deviation is that of a pair's difference if sides are independent."""
    one, two = summarize_sample(first), summarize_sample(second)
    count, difference = one.count + two.count, two.mean - one.mean
    if one.deviation is None or two.deviation is None:
        return Interval.unknown(difference, count), None, None
    if max(max(side) - min(side) for side in (first, second)) <= ROUNDING:
        chance = min(1.0, 2 / math.comb(count, one.count))
        return _constant(difference, chance, "permutation", count, confidence)
    variances = [one.deviation**2 / one.count, two.deviation**2 / two.count]
    error = math.sqrt(sum(variances))
    degrees = satterthwaite_degrees(variances, [one.count - 1, two.count - 1])
    half = t_quantile(confidence, degrees) * error
    interval = Interval(difference, difference - half, difference + half, "welch_t", count)
    deviation = math.hypot(one.deviation, two.deviation)
    return interval, deviation, t_p_value(difference / error, degrees)


def _constant(
    difference: float, chance: float, method: str, count: int, confidence: float
) -> MeanTest:
    if abs(difference) <= ROUNDING:
        return Interval(0.0, 0.0, 0.0, method, count), 0.0, 1.0
    if chance > 1 - confidence:
        return Interval.unknown(difference, count), 0.0, chance
    return Interval(difference, difference, difference, method, count), 0.0, chance
