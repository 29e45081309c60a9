"""What is searched, as text: `log 1e-5..1e-1`, `int 1..8`, `adam, rmsprop`, or Hydra's words."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import islice

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from genrun.core.errors import ConfigError

NUMBER = r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
RANGE = re.compile(
    rf"(?P<kinds>(?:(?:log|int)\s+)*)(?P<low>{NUMBER})\s*\.\.\s*(?P<high>{NUMBER})"
    r"(?:\s*/\s*(?P<parts>\d{1,6}))?"
)
MOST_VALUES = 1000  # of one dimension
NEAR = 0.01  # of a range: what is nearer to a bound is on it
ALLOWED = "log A..B, A..B, int A..B, log int A..B or several values a, b, c"


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    text: str
    low: float
    high: float
    log: bool
    whole: bool
    parts: int | None = None  # of so many values, evenly spaced; by their logarithm if `log`

    def at(self, share: float) -> str:
        """The value at a share of the range, from 0 to 1, as a word has it."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        value = low + share * (high - low)
        value = math.exp(value) if self.log else value
        ends = {0.0: self.low, 1.0: self.high}
        return self.word(ends.get(share, float(f"{value:.12g}")))  # 0.3, not 0.30000000000000004

    def word(self, value: float) -> str:
        return str(round(value)) if self.whole else repr(float(value))

    def values(self) -> list[str] | None:
        """All of them; None where there is no end of them."""
        if self.parts is not None:
            shares = (part / (self.parts - 1) for part in range(self.parts))
            return list(dict.fromkeys(self.at(share) for share in shares))
        if self.whole and self.high - self.low < MOST_VALUES:
            return [str(value) for value in range(round(self.low), round(self.high) + 1)]
        return None

    def bound(self, word: str) -> str | None:
        """`lower` or `upper`, where a value is on it or within a hundredth of the range."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        share = (self._scaled(float(word)) - low) / (high - low)
        return "lower" if share <= NEAR else "upper" if share >= 1 - NEAR else None

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else value


@dataclass(frozen=True)
class Choices:
    """Values without an order."""

    text: str
    words: tuple[str, ...]

    def values(self) -> list[str]:
        return list(self.words)


Dimension = Range | Choices


def is_searched(key: str, text: str) -> bool:
    """Whether KEY=TEXT gives several values. Raises `ConfigError` where it cannot be read."""
    return RANGE.fullmatch(text.strip()) is not None or _parsed(key, text).is_sweep_override()


def dimension(key: str, text: str) -> Dimension:
    """Raises `ConfigError` naming the key where the text is no space."""
    if matched := RANGE.fullmatch(text.strip()):
        kinds, parts = matched["kinds"].split(), matched["parts"]
        low, high = float(matched["low"]), float(matched["high"])
        return _checked(
            key,
            Range(
                text.strip(),
                low,
                high,
                "log" in kinds,
                "int" in kinds,
                int(parts) if parts else None,
            ),
        )
    sweep = _parsed(key, text)
    value = sweep.value()
    if isinstance(value, IntervalSweep):
        return _checked(key, _from_interval(text, value))
    if isinstance(value, RangeSweep) and value.step == 1 and float(value.start or 0).is_integer():
        return _checked(key, _from_range(text, value))
    if not sweep.is_sweep_override() or isinstance(value, Glob):
        raise ConfigError(f"{key}={text}: is no space; must be {ALLOWED}")
    try:
        words = tuple(dict.fromkeys(islice(sweep.sweep_string_iterator(), MOST_VALUES + 1)))
    except ValueError as error:  # a step of 0
        raise ConfigError(f"{key}={text}: {error}") from error
    if not 1 < len(words) <= MOST_VALUES:
        raise ConfigError(f"{key}={text}: must be from 2 to {MOST_VALUES} different values")
    return Choices(",".join(words), words)


def _from_interval(text: str, sweep: IntervalSweep) -> Range:
    assert sweep.start is not None
    assert sweep.end is not None
    ints = isinstance(sweep.start, int) and isinstance(sweep.end, int)  # int(interval(…))
    whole = ints or "int" in sweep.tags
    return Range(text, float(sweep.start), float(sweep.end), "log" in sweep.tags, whole)


def _from_range(text: str, sweep: RangeSweep) -> Range:
    """range(1, 5) is 1, 2, 3, 4."""
    assert sweep.start is not None
    assert sweep.stop is not None
    low, high = float(sweep.start), float(math.ceil(sweep.stop)) - 1
    return Range(text, low, high, "log" in sweep.tags, whole=True)


def _checked(key: str, given: Range) -> Range:
    place = f"{key}={given.text}"
    if not (math.isfinite(given.low) and math.isfinite(given.high)):
        raise ConfigError(f"{place}: its bounds must be finite numbers")
    if given.low >= given.high:
        raise ConfigError(f"{place}: the lower bound must be below the upper one")
    if given.log and given.low <= 0:
        raise ConfigError(f"{place}: a logarithmic range must begin above 0")
    if given.whole and not (given.low.is_integer() and given.high.is_integer()):
        raise ConfigError(f"{place}: the bounds of int A..B must be integers")
    if given.parts is not None and not 2 <= given.parts <= MOST_VALUES:
        raise ConfigError(f"{place}: A..B/N must be from 2 to {MOST_VALUES} values")
    return given


def _parsed(key: str, text: str) -> Override:
    try:
        return OverridesParser.create().parse_override(f"{key}={text}")
    except HydraException as error:
        raise ConfigError(f"{key}={text}: is no space; must be {ALLOWED}") from error
