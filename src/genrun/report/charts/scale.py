"""Where a value lies on an axis, and which values the axis names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SMALLEST, LARGEST = 1e-150, 1e150  # sizes with which an axis can be computed
STEPS = (1.0, 2.0, 5.0, 10.0)
MANTISSAS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0))  # of a logarithmic axis's ticks, fewest first


@dataclass(frozen=True)
class Tick:
    """A named value of an axis, at a fraction of its length."""

    at: float
    text: str


@dataclass(frozen=True)
class Scale:
    """From `low` at 0 to `high` at 1."""

    low: float
    high: float
    log: bool

    def at(self, value: float) -> float:
        """The fraction of the axis; beyond 0 and 1 for values beyond the ends."""
        if not self.log:
            return (value - self.low) / (self.high - self.low)
        if value <= 0:
            return -math.inf
        low, high = math.log(self.low), math.log(self.high)
        return (math.log(value) - low) / (high - low)

    def ticks(self, most: int, whole: bool = False) -> list[Tick]:
        """Round values, at most `most` of them; `whole`: no fractions."""
        places = self._log_places(most) if self.log else []
        places = places if len(places) > 1 else self._even_places(most, 1.0 if whole else 0.0)
        return [Tick(self.at(place), short_number(place)) for place in places]

    def _even_places(self, most: int, least: float) -> list[float]:
        step = _round_step(max((self.high - self.low) / most, least))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        if last - first + 1 > most:
            step *= 2
            first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [n * step for n in range(first, last + 1) if not self.log or n > 0]

    def _log_places(self, most: int) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        decades = [10.0**power for power in range(first, last + 1)]
        found: list[float] = []
        for mantissas in MANTISSAS:
            places = [m * decade for decade in decades for m in mantissas]
            within = [p for p in places if self.low * 0.999 <= p <= self.high * 1.001]
            if len(within) > most:
                break
            found = within
        if not found:
            found = [p for p in decades if self.low <= p <= self.high]
            found = found[:: math.ceil(len(found) / most)] if found else []
        return found


def scale_of(values: Sequence[float], log: bool = False, margin: float = 0.0) -> Scale:
    """From the lowest to the highest value, and a fraction of that beyond on both sides.

    Logarithmic where it is asked for and all values are above 0. Infinite values are left out.
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = max(min(finite), -LARGEST), min(max(finite), LARGEST)
    if log and low > SMALLEST:
        ratio = high / low if high > low else 2.0
        room = ratio**margin if high > low else ratio
        return Scale(low / room, high * room, True)
    size = high - low
    if size <= max(high, -low, SMALLEST) * 1e-12:
        size, margin = max(high, -low, SMALLEST), max(margin, 0.1)
    return Scale(low - margin * size, high + margin * size, False)


def short_number(value: float) -> str:
    """In few characters: 0.001, 250, 12k, 3.2M, 1.5e+12."""
    size = abs(value)
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if limit <= size < 1e12:
            return f"{value / (1e3 if unit == 'k' else limit):.4g}{unit}"
    return f"{value:.4g}"


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in STEPS if step * power >= least * (1 - 1e-9))
