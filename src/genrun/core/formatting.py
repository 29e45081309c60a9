"""How numbers and durations are written."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from genrun.core.log_names import HIGH, LOW, STANDARD_ERROR, is_error
from genrun.core.numbers import finite_number
from genrun.core.usage import ResourceUsage


# MERGED: In words, what a comparison of samples with held-out images was of.
def comparison_text(described: Mapping[str, Any]) -> str:
    """Of how many samples each metric is, in what features; as `Comparison.describe` has it."""
    alike: dict[str, list[str]] = {}
    for name, metric in described["metrics"].items():
        of = f" in {described['features']}" if metric["features"] else ""
        counts = f"{metric['samples']} samples and {metric['held_out']} held-out images"
        alike.setdefault(f"of {counts}{of}", []).append(name)
    return "; ".join(f"{', '.join(names)} {what}" for what, names in alike.items())


# MERGED: Facts for a person, in words that several rooms use. Without torch.
def shown_updates(updates: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What run.json has under `updates`, for a person."""
    return "; ".join(
        f"{player} "
        + ", ".join(f"{m['rule']} {m['tensors']} tensors {m['parameters']:,}" for m in moved)
        for player, moved in updates.items()
    )


def shown_compute(spent: ResourceUsage) -> list[str]:
    """FLOPs, peak memory and energy for a person, those that are known."""
    found = []
    if spent.flops is not None:
        found.append(f"{spent.flops:.4g} FLOPs of training")
    if spent.host_bytes is not None:
        found.append(f"{shown_bytes(spent.host_bytes)} of memory at most")
    if spent.device_bytes is not None:
        found.append(f"{shown_bytes(spent.device_bytes)} of the GPU's at most")
    if spent.joules is not None:
        found.append(f"{spent.joules:.4g} J")
    return found


def shown_bytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def number(value: float) -> str:
    """Five significant digits, as short as they go."""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def with_errors(values: Mapping[str, float]) -> dict[str, str]:
    """The values as text: `12.3 [11.8, 12.9]` with an interval, else `0.0312 ± 0.0004`."""
    shown = {}
    for name, value in values.items():
        if is_error(name, values):
            continue
        shown[name] = number(value)
        error, low, high = (values.get(name + end) for end in (STANDARD_ERROR, LOW, HIGH))
        if low is not None and high is not None:
            shown[name] += f" [{low:.3g}, {high:.3g}]"
        elif error is not None:
            shown[name] += f" ± {error:.2g}"
    return shown


def duration(seconds: float) -> str:
    """`42 s`, `3 min 20 s` or `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def printable(text: str) -> str:
    """The text on one line, control characters written out: a name cannot steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


LONGEST_NUMBER = 8  # characters


NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*|(?=\.[0-9]))(\.[0-9]*)?([eE][-+]?[0-9]+)?", re.ASCII)


def as_number(text: str | None) -> float | None:
    """What a swept value is as a number, where it is a plain and finite one."""
    return finite_number(float(text)) if text and NUMBER.fullmatch(text) else None


def brief(text: str) -> str:
    """A swept value with at most four digits where it is a number of many."""
    number = as_number(text)
    return text if number is None or len(text) <= LONGEST_NUMBER else f"{number:.4g}"


def drawable(number: float) -> float:
    """The number, or the nearest that an axis can have."""
    return (
        0.0
        if abs(number) < 1 / LARGEST_DRAWABLE
        else max(-LARGEST_DRAWABLE, min(LARGEST_DRAWABLE, number))
    )


def short(text: str, longest: int) -> str:
    """On one line and no longer than there is room for."""
    text = printable(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


SMALLEST_SHOWN = 1e-4


LARGEST_SHOWN = 1e7


MOST_DECIMALS = 6


def format_aligned(*values: float | None) -> list[str]:
    """Numbers that are read beside each other, the last two being an interval's bounds.

    As many decimals as two significant digits of the largest and one of the interval's half need.
    """
    return format_fixed(values, decimals_of(*values))


def decimals_of(*values: float | None) -> int | None:
    """None: they are too small or too large for decimals."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    largest = max(map(abs, known), default=0.0)
    if largest != 0 and not SMALLEST_SHOWN <= largest < LARGEST_SHOWN:
        return None
    decimals = 1 - _magnitude(largest)
    if len(known) > 2 and (width := abs(known[-1] - known[-2]) / 2) > 0:
        decimals = max(decimals, -_magnitude(width))
    return min(max(decimals, 0), MOST_DECIMALS)


def format_fixed(values: Sequence[float | None], decimals: int | None) -> list[str]:
    """`-` for what there is not, no minus before a zero."""
    texts = ["-" if value is None else _written(value, decimals) for value in values]
    return [re.sub(r"^-(?=[0.]+$)", "", text) for text in texts]


def _written(value: float, decimals: int | None) -> str:
    plain = decimals is not None and abs(value) < LARGEST_SHOWN
    return f"{value:.{decimals}f}" if plain else f"{value:.3g}"


def one_digit(value: float) -> float:
    """Rounded to its first significant digit."""
    return float(f"{value:.0e}")


def pluralize(number: int, noun: str) -> str:
    """`1 seed` or `5 seeds`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def cut(text: str, most: int) -> str:
    """Text of a stranger's, no longer than `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _magnitude(value: float) -> int:
    """Of the first digit: 0 of 3.1, -2 of 0.031. Rounded first: half a width is seldom exact."""
    return math.floor(math.log10(float(f"{value:.3g}"))) if value > 0 else 0


def did_you_mean(word: str, known: Mapping[str, Any] | list[str]) -> str:
    """`; did you mean x?`, or nothing where nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


LARGEST_DRAWABLE = 1e100  # and its inverse the smallest: with more, a plot's arithmetic overflows
