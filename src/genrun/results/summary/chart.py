"""What a sweep's picture shows: the metric against the swept keys; drawn by `plot.py`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from genrun.core.formatting import format_setting, shorten
from genrun.core.numbers import parse_number
from genrun.core.plotting import COLORS, clip_to_drawable
from genrun.results.grouping import Configuration

MOST_LINES = len(COLORS)
MOST_PANELS = 4
DECADE = 9.999  # a ratio; 1e-3 / 1e-4 need not be 10
LONGEST_TICK, LONGEST_LABEL = 22, 44  # characters
SINGLE = "configuration"  # in place of a key, if only seeds were swept


@dataclass(frozen=True)
class SweepMark:
    """One configuration, at its place on the axis."""

    place: float
    values: tuple[float, ...]  # of its seeds
    mean: float | None  # None if no seed has a value
    low: float | None  # of the mean's interval; None with fewer than two seeds
    high: float | None
    failed: int


@dataclass(frozen=True)
class SweepLine:
    """Configurations that differ in the key on the axis only."""

    label: str
    marks: list[SweepMark]


@dataclass(frozen=True)
class SweepPanel:
    """Axes with the metric against one key."""

    metric: str
    key: str
    numeric: bool  # places are the values, not the indices of choices
    log: bool
    connected: bool  # by lines between its marks
    ticks: list[tuple[float, str]]  # places and texts
    lines: list[SweepLine]

    @property
    def marks(self) -> Iterator[SweepMark]:
        return (mark for line in self.lines for mark in line.marks)


def build_panels(configurations: Sequence[Configuration], metric: str) -> list[SweepPanel]:
    """Builds the panels of configurations that are judged by the same metric.

    One panel against the key with most values, with a line for each combination of the other keys;
    if these are too many to distinguish, a panel against each of the keys.
    """
    keys = [
        key
        for key in dict.fromkeys(key for c in configurations for key in c.settings)
        if len({c.settings.get(key) for c in configurations}) > 1
    ]
    if not keys:
        return [_panel(configurations, metric, SINGLE, [])]
    by_rank = sorted(keys, key=lambda key: _rank(configurations, key))
    for key in by_rank:
        others = [other for other in keys if other != key]
        if len(_by_words(configurations, others)) <= MOST_LINES:
            return [_panel(configurations, metric, key, others)]
    return [
        _panel(configurations, metric, key, [], single_key=False) for key in by_rank[:MOST_PANELS]
    ]


def _rank(configurations: Sequence[Configuration], key: str) -> tuple[bool, int]:
    """Sorts numbers before choices, then keys with more values first."""
    values = {c.settings.get(key) for c in configurations}
    return not _all_numbers(values), -len(values)


def _all_numbers(values: set[str | None]) -> bool:
    numbers = [parse_number(value) for value in values]
    return all(number is not None and number == clip_to_drawable(number) for number in numbers)


def _by_words(
    configurations: Sequence[Configuration], keys: Sequence[str]
) -> dict[tuple[str | None, ...], list[Configuration]]:
    """Configurations by their values of `keys`, numbers before text."""
    groups: dict[tuple[str | None, ...], list[Configuration]] = {}
    for configuration in configurations:
        words = tuple(configuration.settings.get(key) for key in keys)
        groups.setdefault(words, []).append(configuration)
    return {words: groups[words] for words in sorted(groups, key=_order)}


def _order(words: tuple[str | None, ...]) -> list[tuple[bool, float, str]]:
    numbers = [parse_number(word) for word in words]
    return [
        (number is None, number or 0.0, word or "")
        for number, word in zip(numbers, words, strict=True)
    ]


def _panel(
    configurations: Sequence[Configuration],
    metric: str,
    key: str,
    others: Sequence[str],
    single_key: bool = True,
) -> SweepPanel:
    """`single_key`: configurations on one line differ in `key` only."""
    values = {c.settings.get(key) for c in configurations}
    numbers = _all_numbers(values)
    numeric = numbers and not _is_geometric_with_zero(
        [parse_number(value) or 0.0 for value in values]
    )
    places = _places(configurations, key, numeric)
    lines = [
        SweepLine(
            _line_label(others, words), [_mark(c, places[c.settings.get(key)]) for c in group]
        )
        for words, group in _by_words(configurations, others).items()
    ]
    ticks = sorted((place, _tick(word, key, configurations)) for word, place in places.items())
    return SweepPanel(
        metric=shorten(metric, LONGEST_LABEL),
        key=shorten(key, LONGEST_LABEL),
        numeric=numeric,
        log=numeric and _is_geometric(list(places.values())),
        connected=numbers and single_key,
        ticks=ticks,
        lines=lines,
    )


def _is_geometric(numbers: Sequence[float]) -> bool:
    """Whether numbers need a logarithmic axis: over a decade, and not clearly evenly spaced."""
    low, high, middle = min(numbers), max(numbers), median(numbers)
    if low <= 0 or high < DECADE * low:
        return False
    off_linear = abs((middle - low) / (high - low) - 0.5)
    off_log = abs(math.log(middle / low) / math.log(high / low) - 0.5)
    return off_log < 2 * off_linear


def _is_geometric_with_zero(numbers: Sequence[float]) -> bool:
    """Whether 0 is among numbers over decades: no numeric axis could show all of them apart."""
    others = [number for number in numbers if number != 0]
    return 0.0 in numbers and len(others) > 1 and _is_geometric(others)


def _places(
    configurations: Sequence[Configuration], key: str, numeric: bool
) -> dict[str | None, float]:
    """The place of each value on the axis: itself if `numeric`, else its index."""
    words = list(dict.fromkeys(c.settings.get(key) for c in configurations))
    if _all_numbers(set(words)):
        words.sort(key=lambda word: parse_number(word) or 0.0)
    if numeric:
        return {word: parse_number(word) or 0.0 for word in words}
    return {word: float(place) for place, word in enumerate(words)}


def _mark(configuration: Configuration, place: float) -> SweepMark:
    summary = configuration.spread
    return SweepMark(
        place=place,
        values=tuple(map(clip_to_drawable, configuration.values.values())),
        mean=None if summary is None else clip_to_drawable(summary.mean),
        low=None if summary is None or summary.low is None else clip_to_drawable(summary.low),
        high=None if summary is None or summary.high is None else clip_to_drawable(summary.high),
        failed=len(configuration.failures),
    )


def _tick(word: str | None, key: str, configurations: Sequence[Configuration]) -> str:
    if key == SINGLE:
        return shorten(configurations[0].label, LONGEST_LABEL)
    if word is None:
        return "default"
    return shorten(format_setting(word), LONGEST_TICK)


def _line_label(keys: Sequence[str], words: Sequence[str | None]) -> str:
    pairs = zip(keys, words, strict=True)
    return shorten(
        " ".join(f"{key}={format_setting(word)}" for key, word in pairs if word is not None),
        LONGEST_LABEL,
    )
