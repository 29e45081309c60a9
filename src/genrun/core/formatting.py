"""Numbers, amounts and texts as people read them: in the terminal, in plots and on pages.

First single numbers, then numbers that are compared with each other, amounts with units, text, and
parts of run.json. Nothing else in genrun chooses digits, decimals or units.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from genrun.core.log_names import HIGH, LOW, STANDARD_ERROR, is_uncertainty
from genrun.core.numbers import parse_number
from genrun.core.usage import ResourceUsage

MISSING = "-"  # in place of a number that is not known
FAILED = "failed"  # in place of an infinite metric
DIGITS = 5  # significant ones of a number without an interval
LONGEST_SETTING = 8  # characters of a number that is written as it was given
SMALLEST_FIXED, LARGEST_FIXED = 1e-4, 1e7  # sizes that are written with decimals
MOST_DECIMALS = 6
MORE_THAN_TYPICAL = 2  # decimals that the narrowest interval of a column may add
PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
JOULES_PER_KWH = 3.6e6

AXIS_NAMES = {"steps": "steps", "seconds": "seconds", "examples": "examples", "flops": "FLOPs"}
AXIS_UNITS = {**AXIS_NAMES, "seconds": "seconds of training"}

Estimate = tuple[float | None, float | None, float | None]  # value, low and high of its interval


def format_number(value: float) -> str:
    """Five significant digits of a float, an integer as it is."""
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


def format_metric(value: float | None) -> str:
    """A metric, `failed` if it is infinite and `-` if there is none."""
    if value is None or math.isnan(value):
        return MISSING
    return FAILED if math.isinf(value) else format_number(float(value))


def format_with_interval(value: float, low: float | None, high: float | None) -> str:
    """`12.3 [11.8, 12.9]`, four digits each, or the value alone."""
    if low is None or high is None:
        return format_number(value)
    return f"{value:.4g} [{low:.4g}, {high:.4g}]"


def format_log_row(values: Mapping[str, float]) -> dict[str, str]:
    """A row of the log by name, each value with its interval or standard error if it has one."""
    texts = {}
    for name, value in values.items():
        if is_uncertainty(name, values):
            continue
        error, low, high = (values.get(name + end) for end in (STANDARD_ERROR, LOW, HIGH))
        texts[name] = format_with_interval(value, low, high)
        if error is not None and (low is None or high is None):
            texts[name] += f" ± {error:.2g}"
    return texts


def format_setting(text: str) -> str:
    """A configured value, with at most four digits if it is a number of many."""
    number = parse_number(text)
    return text if number is None or len(text) <= LONGEST_SETTING else f"{number:.4g}"


def format_tick(value: float, digits: int = 4) -> str:
    """In few characters: 0.001, 250, 12k, 3.2M, 1.5e+12."""
    for limit, size, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if limit <= abs(value) < 1e12:
            return f"{value / size:.{digits}g}{unit}"
    return f"{value:.{digits}g}"


def round_to_one_digit(value: float) -> float:
    """Rounded to its first significant digit."""
    return float(f"{value:.0e}")


def format_aligned(*values: float | None) -> list[str]:
    """A few numbers with the decimals that suit them all, the last two being an interval."""
    return format_fixed(values, choose_decimals(*values))


def format_fixed(values: Sequence[float | None], decimals: int | None) -> list[str]:
    """With these decimals, or three digits if `decimals` is None or a value is too large."""
    texts = [MISSING if value is None else _fixed(value, decimals) for value in values]
    return [re.sub(r"^-(?=[0.]+$)", "", text) for text in texts]  # no minus before a zero


def format_estimate(
    value: float | None, low: float | None, high: float | None, decimals: int | None = None
) -> str:
    """A metric with no more decimals than its interval supports, or with those of its column."""
    if value is None or not math.isfinite(value):
        return format_metric(value)
    if decimals is None and _is_bounded(low, high):
        decimals = choose_decimals(value, low, high)
    return format_metric(value) if decimals is None else format_fixed([value], decimals)[0]


def format_interval(low: float | None, high: float | None, decimals: int | None = None) -> str:
    """`11.8 to 12.9`, or `-`; with the decimals of its column if they are given."""
    if low is None or high is None or not _is_bounded(low, high):
        return MISSING
    if decimals is None:
        decimals = choose_decimals((low + high) / 2, low, high)
    return " to ".join(format_fixed([low, high], decimals))


def choose_decimals(*values: float | None) -> int | None:
    """Decimals for two digits of the largest value and one of half the interval's width.

    The last two of three values are the interval. None if the values are too small or too large
    for decimals.
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    largest = max(map(abs, known), default=0.0)
    if largest != 0 and not SMALLEST_FIXED <= largest < LARGEST_FIXED:
        return None
    decimals = 1 - _magnitude(largest)
    if len(known) > 2 and (width := abs(known[-1] - known[-2]) / 2) > 0:
        decimals = max(decimals, -_magnitude(width))
    return min(max(decimals, 0), MOST_DECIMALS)


def choose_column_decimals(estimates: Iterable[Estimate]) -> int | None:
    """Decimals for the values and intervals of a table's column.

    As many as the narrowest interval needs, but at most two more than a typical one. Without any
    interval as many as five digits of a typical value take. None if one is too small for
    decimals; values that are too large for them are left out.
    """
    rows = [
        (value, low, high)
        for value, low, high in estimates
        if value is not None and abs(value) < LARGEST_FIXED
    ]
    bounded = [row for row in rows if _is_bounded(*row[1:])]
    needed = [choose_decimals(*row) for row in bounded or rows]
    known = [decimals for decimals in needed if decimals is not None]
    if not known or len(known) < len(needed):
        return None
    if bounded:
        return min(max(known), _lower_median(known) + MORE_THAN_TYPICAL)
    digits = [DIGITS - 1 - _magnitude(abs(value)) for value, _, _ in rows]
    return min(max(_lower_median(digits), 0), MOST_DECIMALS)


def _fixed(value: float, decimals: int | None) -> str:
    has_decimals = decimals is not None and abs(value) < LARGEST_FIXED
    return f"{value:.{decimals}f}" if has_decimals else f"{value:.3g}"


def _is_bounded(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and math.isfinite(high - low)


def _magnitude(value: float) -> int:
    """Of the first digit: 0 of 3.1, -2 of 0.031. Rounded first: half a width is seldom exact."""
    return math.floor(math.log10(float(f"{value:.3g}"))) if value > 0 else 0


def _lower_median(values: Sequence[int]) -> int:
    return sorted(values)[(len(values) - 1) // 2]


def format_duration(seconds: float) -> str:
    """In the two largest units that matter: `4.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if float(f"{seconds:.3g}") < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def format_quantity(amount: float, unit: str) -> str:
    """Three digits with an SI prefix: `12.3 GFLOPs`."""
    rounded = float(f"{amount:.3g}")
    for size, prefix in PREFIXES:
        if abs(rounded) >= size:
            return f"{rounded / size:.3g} {prefix}{unit}"
    return f"{rounded:.3g} {unit}"


def format_bytes(count: float) -> str:
    """`321 MB`."""
    return format_quantity(count, "B")


def format_energy(joules: float) -> str:
    """In joules, from a tenth of a kilowatt-hour on in kilowatt-hours."""
    if joules >= JOULES_PER_KWH / 10:
        return f"{joules / JOULES_PER_KWH:.3g} kWh"
    return format_quantity(joules, "J")


def format_amount(axis: str, amount: float) -> str:
    """What training took on an axis: `2,400 steps`, `3 min 20 s`, `1.2 TFLOPs`."""
    if not math.isfinite(amount):
        return MISSING
    if axis == "seconds":
        return format_duration(amount)
    if axis == "flops":
        return format_quantity(amount, AXIS_NAMES[axis])
    return f"{amount:,.0f} {AXIS_NAMES[axis]}"


def format_plain_amount(axis: str, amount: float) -> str:
    """The same below a heading that names the unit: `2,400`, `200` (seconds), `1.2e+12`."""
    if not math.isfinite(amount):
        return MISSING
    return f"{amount:.3g}" if axis in ("seconds", "flops") else f"{amount:,.0f}"


def pluralize(number: int, noun: str) -> str:
    """`1 seed` or `5 seeds`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """The text on one line, control characters written out: a name cannot steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shorten(text: str, longest: int) -> str:
    """Untrusted text on one line of at most `longest` characters."""
    text = printable(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def did_you_mean(word: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """`; did you mean x?`, or nothing if no known word is similar."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def describe_sample_metrics(described: Mapping[str, Any]) -> str:
    """How many images each metric compares, in what features, from `SampleMetrics.describe`."""
    names: dict[str, list[str]] = {}
    for name, metric in described["metrics"].items():
        features = f" in {described['features']}" if metric["features"] else ""
        counts = f"{metric['samples']} samples and {metric['held_out']} held-out images"
        names.setdefault(f"of {counts}{features}", []).append(name)
    return "; ".join(f"{', '.join(metrics)} {text}" for text, metrics in names.items())


def describe_updates(updates: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Which rule updates how many tensors and parameters of each player."""
    return "; ".join(
        f"{player} "
        + ", ".join(f"{u['rule']} {u['tensors']} tensors {u['parameters']:,}" for u in rules)
        for player, rules in updates.items()
    )


def describe_usage(usage: ResourceUsage) -> list[str]:
    """FLOPs, peak memory and energy, those that are known."""
    texts = []
    if usage.flops is not None:
        texts.append(f"{format_amount('flops', usage.flops)} of training")
    if usage.host_bytes is not None:
        texts.append(f"{format_bytes(usage.host_bytes)} of memory at most")
    if usage.device_bytes is not None:
        texts.append(f"{format_bytes(usage.device_bytes)} of the GPU's at most")
    if usage.joules is not None:
        texts.append(format_energy(usage.joules))
    return texts
