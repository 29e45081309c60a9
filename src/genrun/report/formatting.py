"""Numbers as a page writes them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from genrun.results.curve import Axis

UNIT = {
    "steps": "steps",
    "seconds": "seconds of training",
    "examples": "examples",
    "flops": "FLOPs",
}
PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
NOTHING = "\N{EN DASH}"


def value_text(value: float | None, digits: int = 5) -> str:
    """Of a metric. Infinite stands for a failure."""
    if value is None or math.isnan(value):
        return NOTHING
    return "failed" if math.isinf(value) else f"{value:.{digits}g}"


def common_places(intervals: Iterable[tuple[float | None, float | None]]) -> int | None:
    """For values below each other: what the narrowest interval needs, but at most two more than
    a typical one does.
    """
    known = sorted(
        _places(high - low)
        for low, high in intervals
        if low is not None and high is not None and math.isfinite(high - low)
    )
    return min(known[-1], known[(len(known) - 1) // 2] + 2) if known else None


def interval_text(low: float | None, high: float | None, places: int | None = None) -> str:
    """As many places as tell its two ends apart with two digits, unless they are given."""
    if low is None or high is None or not math.isfinite(high - low):
        return NOTHING
    places = _places(high - low) if places is None else places
    return f"{_rounded(low, places)} to {_rounded(high, places)}"


def estimate_text(
    value: float | None, low: float | None, high: float | None, places: int | None = None
) -> str:
    """A value with no more digits than its interval leaves sense."""
    if value is None or not math.isfinite(value):
        return value_text(value)
    if places is not None:
        return _rounded(value, places)
    if low is None or high is None or not math.isfinite(high - low):
        return value_text(value)
    return _rounded(value, _places(high - low))


def spent_text(axis: Axis, amount: float) -> str:
    """`2,400 steps`, `3 min 20 s`, `1.2 TFLOPs`."""
    if not math.isfinite(amount):
        return NOTHING
    if axis == "seconds":
        return duration_text(amount)
    if axis == "flops":
        return with_prefix(amount, "FLOPs")
    return f"{amount:,.0f} {axis}"


def duration_text(seconds: float) -> str:
    """In the two largest units that matter."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def with_prefix(amount: float, unit: str) -> str:
    """`12.3 GFLOPs`."""
    for size, prefix in PREFIXES:
        if abs(amount) >= size:
            return f"{amount / size:.3g} {prefix}{unit}"
    return f"{amount:.3g} {unit}"


def _places(size: float) -> int:
    """Decimal places at which the size has two digits; negative where it is large."""
    return 5 if size <= 0 else min(max(1 - math.floor(math.log10(size)), -300), 12)


def _rounded(value: float, places: int) -> str:
    if abs(value) >= 1e7 or 0 < abs(value) < 1e-4:
        return f"{value:.4g}"
    return f"{round(value, places):,.{max(places, 0)}f}"
