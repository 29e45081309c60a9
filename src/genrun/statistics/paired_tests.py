"""Two contestants against each other, and many such comparisons at once."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genrun.statistics.interval import CONFIDENCE, Interval, scale_exponent, scaled
from genrun.statistics.rank_tests import probability_of_improvement
from genrun.statistics.student_t import Spread, satterthwaite, spread, t_p_value, t_quantile

MOST_SEEDS = 10_000  # more than anyone would run
ROUNDING = 8 * sys.float_info.epsilon  # of values up to 1
Found = tuple[Interval, float | None, float | None]  # difference, deviation, p value


@dataclass(frozen=True)
class Comparison:
    """Of the second minus the first: positive where the first is better (lower).

    `pairs` counts the seeds that both have; 0 where they were compared as unpaired. `deviation` is
    that of a pair's difference, what `seeds_to_decide` asks for. `p_value` is two-sided, of no
    difference in the mean; None where there is no interval. `improvement` is the probability that
    a run of the first is lower than one of the second.
    """

    pairs: int
    difference: Interval
    deviation: float | None
    p_value: float | None
    improvement: Interval


def compare_pair(
    first: Mapping[int, float], second: Mapping[int, float], confidence: float = CONFIDENCE
) -> Comparison:
    """Values by seed, finite, at least one each.

    Paired by seed (Student's t) where they share two seeds at least and half of those that either
    has; else Welch's t (1947). Which of them depends on the seeds alone, never on values.

    Where no difference varies by more than rounding, t says nothing. Equal throughout is no
    difference for sure: [0, 0], p 1. The same difference every time is tested by sign, or,
    unpaired, by the number of ways to divide the values (Fisher's permutation test): n pairs give
    p = 2^(1 - n), so 6 are needed for 95 %, and with fewer there is no interval.

    Raises ValueError for values that are not finite, and where a side has none.
    """
    both = [*first.values(), *second.values()]
    if not all(map(math.isfinite, both)):
        raise ValueError("means of values that are not finite cannot be compared")
    improvement = improvement_by_seed(first, second, confidence)
    exponent = scale_exponent(both)  # differences and squares of the largest floats are none
    one = {seed: math.ldexp(value, -exponent) for seed, value in first.items()}
    two = {seed: math.ldexp(value, -exponent) for seed, value in second.items()}
    shared = [seed for seed in one if seed in two]
    pairs = len(shared)
    if pairs >= 2 and 2 * pairs >= max(len(one), len(two)):
        found = _paired([two[seed] - one[seed] for seed in shared], confidence)
    else:
        pairs, found = 0, _welch([*one.values()], [*two.values()], confidence)
    difference, deviation, p_value = found
    deviation = None if deviation is None else scaled(deviation, exponent)
    return Comparison(pairs, difference.times(exponent), deviation, p_value, improvement)


def improvement_by_seed(
    first: Mapping[int, float], second: Mapping[int, float], confidence: float = CONFIDENCE
) -> Interval:
    """`probability_of_improvement` by seed, paired if all seeds are; values may be infinite."""
    if first.keys() == second.keys():
        values = list(first.values()), [second[seed] for seed in first]
        return probability_of_improvement(*values, confidence, paired=True)
    return probability_of_improvement([*first.values()], [*second.values()], confidence)


def paired_difference(first: Mapping[int, float], second: Mapping[int, float]) -> Spread | None:
    """Of second minus first over the seeds that both have; None without any.

    The same seed gives both the same initial weights, batches and noise, so much of what a seed
    does cancels, and the interval is narrower than that of unpaired means.
    """
    differences = [second[seed] - value for seed, value in first.items() if seed in second]
    if not differences or not all(map(math.isfinite, differences)):
        return None
    return spread(differences)


def holm(p_values: Sequence[float]) -> list[float]:
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
    """The fewest pairs with which a paired t-test finds a true `difference` so often.

    `deviation` is that of a pair's difference, in the same unit. By the noncentral t distribution
    with n - 1 degrees of freedom and noncentrality difference / deviation * sqrt(n). None where
    that is over 10,000, and where either number is not finite.
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
    """How often |t| of `pairs` pairs is significant where difference / deviation is `effect`."""
    from scipy.special import nctdtr

    noncentrality = effect * math.sqrt(pairs)
    critical = t_quantile(1 - level, pairs - 1)
    if noncentrality - critical > 30:
        return 1.0  # scipy's series loses its digits far out
    above = 1 - nctdtr(pairs - 1, noncentrality, critical)
    below = nctdtr(pairs - 1, noncentrality, -critical)  # NaN where scipy's digits do not reach
    return float(above if math.isnan(below) else above + below)


def _paired(values: Sequence[float], confidence: float) -> Found:
    found = spread(values, confidence)
    if found.deviation is None or max(values) - min(values) <= ROUNDING:
        return _constant(found.mean, 2.0 ** (1 - found.count), "sign", found.count, confidence)
    t = found.mean / (found.deviation / math.sqrt(found.count))
    interval = Interval(found.mean, found.low, found.high, "student_t", found.count)
    return interval, found.deviation, t_p_value(t, found.count - 1)


def _welch(first: Sequence[float], second: Sequence[float], confidence: float) -> Found:
    """The deviation is a pair's, were they paired and independent."""
    one, two = spread(first), spread(second)
    count, difference = one.count + two.count, two.mean - one.mean
    if one.deviation is None or two.deviation is None:
        return Interval.unknown(difference, count), None, None
    if max(max(side) - min(side) for side in (first, second)) <= ROUNDING:
        chance = min(1.0, 2 / math.comb(count, one.count))
        return _constant(difference, chance, "permutation", count, confidence)
    variances = [one.deviation**2 / one.count, two.deviation**2 / two.count]
    error = math.sqrt(sum(variances))
    degrees = satterthwaite(variances, [one.count - 1, two.count - 1])
    half = t_quantile(confidence, degrees) * error
    interval = Interval(difference, difference - half, difference + half, "welch_t", count)
    deviation = math.hypot(one.deviation, two.deviation)
    return interval, deviation, t_p_value(difference / error, degrees)


def _constant(
    difference: float, chance: float, method: str, count: int, confidence: float
) -> Found:
    if abs(difference) <= ROUNDING:
        return Interval(0.0, 0.0, 0.0, method, count), 0.0, 1.0
    if chance > 1 - confidence:
        return Interval.unknown(difference, count), 0.0, chance
    return Interval(difference, difference, difference, method, count), 0.0, chance
