"""Dimensions of a search space: `log 1e-5..1e-1`, `int 1..8`, `adam, rmsprop`, Hydra's sweeps."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import islice

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from genrun.core.errors import ConfigError
from genrun.core.numbers import parse_number

NUMBER = r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
RANGE = re.compile(
    rf"(?P<kinds>(?:(?:log|int)\s+)*)(?P<low>{NUMBER})\s*\.\.\s*(?P<high>{NUMBER})"
    r"(?:\s*/\s*(?P<count>\d{1,6}))?"
)
MAX_VALUES = 1000  # of one dimension
BOUND_MARGIN = 0.01  # of a range: a value nearer to a bound counts as on it
ALLOWED = "log A..B, A..B, int A..B, log int A..B or several values a, b, c"


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    text: str
    low: float
    high: float
    log: bool
    integer: bool
    count: int | None = None  # of evenly spaced values, evenly in their logarithm if `log`

    def value_at(self, fraction: float) -> str:
        """Returns the value at a fraction of the range, from 0 to 1, as an override writes it."""
        low, high = self._scale(self.low), self._scale(self.high)
        value = low + fraction * (high - low)
        value = math.exp(value) if self.log else value
        ends = {0.0: self.low, 1.0: self.high}  # exactly, whatever the logarithm rounds to
        rounded = float(f"{value:.12g}")  # 0.3, not 0.30000000000000004
        return self.format(ends.get(fraction, rounded))

    def format(self, value: float) -> str:
        """Returns a value as an override writes it."""
        return str(round(value)) if self.integer else repr(float(value))

    def values(self) -> list[str] | None:
        """Returns all values; None if the range is continuous or has too many."""
        if self.count is not None:
            fractions = (index / (self.count - 1) for index in range(self.count))
            return list(dict.fromkeys(self.value_at(fraction) for fraction in fractions))
        if self.integer and self.high - self.low < MAX_VALUES:
            return [str(value) for value in range(round(self.low), round(self.high) + 1)]
        return None

    def find_bound(self, value: str | None) -> str | None:
        """Returns `lower` or `upper` if the value is within a hundredth of the range of it."""
        number = parse_number(value)
        if number is None or (self.log and number <= 0):
            return None
        low, high = self._scale(self.low), self._scale(self.high)
        fraction = (self._scale(number) - low) / (high - low)
        if fraction <= BOUND_MARGIN:
            return "lower"
        return "upper" if fraction >= 1 - BOUND_MARGIN else None

    def _scale(self, value: float) -> float:
        return math.log(value) if self.log else value


@dataclass(frozen=True)
class Choices:
    """Values without an order."""

    text: str
    options: tuple[str, ...]

    def values(self) -> list[str]:
        """Returns all values."""
        return list(self.options)

    def find_bound(self, value: str | None) -> str | None:
        """Returns None: values without an order have no bounds."""
        return None


Dimension = Range | Choices


def has_several_values(key: str, text: str) -> bool:
    """Whether KEY=TEXT has several values. Raises `ConfigError` if it cannot be parsed."""
    return RANGE.fullmatch(text.strip()) is not None or _parse(key, text).is_sweep_override()


def parse_dimension(key: str, text: str) -> Dimension:
    """Parses a dimension. Raises `ConfigError` naming the key if the text is not one."""
    if matched := RANGE.fullmatch(text.strip()):
        return _check_range(key, _range_from_match(text.strip(), matched))
    sweep = _parse(key, text)
    value = sweep.value()
    if isinstance(value, IntervalSweep):
        return _check_range(key, _range_from_interval(text, value))
    if isinstance(value, RangeSweep) and value.step == 1 and float(value.start or 0).is_integer():
        return _check_range(key, _range_from_range_sweep(text, value))
    if not sweep.is_sweep_override() or isinstance(value, Glob):
        raise ConfigError(f"{key}={text}: is not a search space; must be {ALLOWED}")
    try:
        options = tuple(dict.fromkeys(islice(sweep.sweep_string_iterator(), MAX_VALUES + 1)))
    except ValueError as error:  # a step of 0
        raise ConfigError(f"{key}={text}: {error}") from error
    if not 1 < len(options) <= MAX_VALUES:
        raise ConfigError(f"{key}={text}: must be from 2 to {MAX_VALUES} different values")
    return Choices(",".join(options), options)


def _range_from_match(text: str, matched: re.Match[str]) -> Range:
    kinds, count = matched["kinds"].split(), matched["count"]
    low, high = float(matched["low"]), float(matched["high"])
    return Range(text, low, high, "log" in kinds, "int" in kinds, int(count) if count else None)


def _range_from_interval(text: str, sweep: IntervalSweep) -> Range:
    assert sweep.start is not None
    assert sweep.end is not None
    integer_ends = isinstance(sweep.start, int) and isinstance(sweep.end, int)  # int(interval(…))
    integer = integer_ends or "int" in sweep.tags
    return Range(text, float(sweep.start), float(sweep.end), "log" in sweep.tags, integer)


def _range_from_range_sweep(text: str, sweep: RangeSweep) -> Range:
    """Returns 1 to 4 for range(1, 5): its end is excluded."""
    assert sweep.start is not None
    assert sweep.stop is not None
    low, high = float(sweep.start), float(math.ceil(sweep.stop)) - 1
    return Range(text, low, high, "log" in sweep.tags, integer=True)


def _check_range(key: str, checked: Range) -> Range:
    word = f"{key}={checked.text}"
    if not (math.isfinite(checked.low) and math.isfinite(checked.high)):
        raise ConfigError(f"{word}: its bounds must be finite numbers")
    if checked.low >= checked.high:
        raise ConfigError(f"{word}: the lower bound must be below the upper one")
    if checked.log and checked.low <= 0:
        raise ConfigError(f"{word}: a logarithmic range must begin above 0")
    if checked.integer and not (checked.low.is_integer() and checked.high.is_integer()):
        raise ConfigError(f"{word}: the bounds of int A..B must be integers")
    if checked.count is not None and not 2 <= checked.count <= MAX_VALUES:
        raise ConfigError(f"{word}: A..B/N must be from 2 to {MAX_VALUES} values")
    return checked


def _parse(key: str, text: str) -> Override:
    try:
        return OverridesParser.create().parse_override(f"{key}={text}")
    except HydraException as error:
        raise ConfigError(f"{key}={text}: is not a search space; must be {ALLOWED}") from error
