"""A number and how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
NO_METHOD = "none"


@dataclass(frozen=True)
class Interval:
    """An estimate from `count` values, and bounds that hold the true value as often as asked.

    `method` says how the bounds were found: what covers at this number of values. Both bounds are
    None, and the method is "none", where the values say nothing of their spread: a single one, or
    an estimate that is not finite.
    """

    value: float
    low: float | None
    high: float | None
    method: str
    count: int

    @classmethod
    def unknown(cls, value: float, count: int) -> Interval:
        return cls(value, None, None, NO_METHOD, count)

    def times(self, exponent: int) -> Interval:
        """By that power of two."""
        value = scaled(self.value, exponent)
        if self.low is None or self.high is None:
            return Interval.unknown(value, self.count)
        low, high = scaled(self.low, exponent), scaled(self.high, exponent)
        return Interval(value, low, high, self.method, self.count)


def scale_exponent(values: Sequence[float]) -> int:
    """Of the power of two above all of them: what is divided by it has sums and squares."""
    return max((math.frexp(value)[1] for value in values), default=0)


def scaled(number: float, exponent: int) -> float:
    """number * 2**exponent, exact; infinite where that is too large for a float."""
    try:
        return math.ldexp(number, exponent)
    except OverflowError:
        return math.copysign(math.inf, number)
