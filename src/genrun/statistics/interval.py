"""An estimate with its confidence interval, and exact scaling by powers of two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
NO_METHOD = "none"


@dataclass(frozen=True)
class Interval:
    """An estimate from `count` values with the bounds of its confidence interval.

    `method` names how the bounds were computed, which depends on the number of values. Both bounds
    are None, and the method is "none", if the values do not determine them: a single value, or an
    estimate that is not finite.
    """

    value: float
    low: float | None
    high: float | None
    method: str
    count: int

    @classmethod
    def unknown(cls, value: float, count: int) -> Interval:
        """An estimate without bounds."""
        return cls(value, None, None, NO_METHOD, count)

    def scale(self, exponent: int) -> Interval:
        """Returns the interval multiplied by 2**exponent."""
        value = multiply_by_power_of_two(self.value, exponent)
        if self.low is None or self.high is None:
            return Interval.unknown(value, self.count)
        low, high = (
            multiply_by_power_of_two(self.low, exponent),
            multiply_by_power_of_two(self.high, exponent),
        )
        return Interval(value, low, high, self.method, self.count)


def scale_exponent(values: Sequence[float]) -> int:
    """Returns the exponent of the smallest power of two above all values, 0 without values.

    Values divided by it have sums and squares that do not overflow.
    """
    return max((math.frexp(value)[1] for value in values), default=0)


def multiply_by_power_of_two(number: float, exponent: int) -> float:
    """Returns number * 2**exponent, exact; infinite if that is too large for a float."""
    try:
        return math.ldexp(number, exponent)
    except OverflowError:
        return math.copysign(math.inf, number)
