"""How contestants and values are named in sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from genrun.core.errors import ConfigError
from genrun.results.summary.job_result import brief

PART = re.compile(r"(?:^| )([\w./@-]+)=((?:(?! [\w./@-]+=).)*)")  # KEY=VALUE of a label
NAMELESS = re.compile(r"none|null|true|false|[-+\d.].*|\[.*|", re.IGNORECASE)
NATS = ("negative_elbo", "negative_log_likelihood", "reconstruction", "kl")
SMALLEST_SHOWN = 1e-4
LARGEST_SHOWN = 1e7
MOST_DECIMALS = 6


def short_names(labels: Sequence[str]) -> dict[str, str]:
    """`adam` for `optimizer=adam`, by label; the labels where that would not tell them apart."""
    short = {label: _short(label) for label in labels}
    return short if len(set(short.values())) == len(short) else {label: label for label in labels}


def find_label(key: str, given: str, labels: Sequence[str]) -> str:
    """The contestant that is called so, in short or in full. Raises `ConfigError`."""
    for label, name in short_names(labels).items():
        if given in (label, name):
            return label
    from genrun.config.schema import did_you_mean

    names = list(short_names(labels).values())
    raise ConfigError(
        f"{key}={given}: must be one of {', '.join(names)}{did_you_mean(given, names)}"
    )


def unit_of(metric: str) -> str:
    """`nats`, or nothing where it has none."""
    return "nats" if metric in NATS or metric.endswith("_bound") else ""


def amount(text: str, metric: str) -> str:
    """`3.1 nats`, `1 nat` or `0.012 in sliced_wasserstein`."""
    unit = unit_of(metric)
    if not unit:
        return f"{text} in {metric}"
    return f"{text} {unit.removesuffix('s') if text == '1' else unit}"


def together(*values: float | None) -> list[str]:
    """Numbers that are read beside each other, the last two being an interval's bounds.

    As many decimals as two significant digits of the largest and one of the interval's half need.
    """
    return written(values, decimals_of(*values))


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


def written(values: Sequence[float | None], decimals: int | None) -> list[str]:
    """`-` for what there is not, no minus before a zero."""
    texts = ["-" if value is None else _written(value, decimals) for value in values]
    return [re.sub(r"^-(?=[0.]+$)", "", text) for text in texts]


def _written(value: float, decimals: int | None) -> str:
    plain = decimals is not None and abs(value) < LARGEST_SHOWN
    return f"{value:.{decimals}f}" if plain else f"{value:.3g}"


def one_digit(value: float) -> float:
    """Rounded to its first significant digit."""
    return float(f"{value:.0e}")


def counted(number: int, noun: str) -> str:
    """`1 seed` or `5 seeds`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def cut(text: str, most: int) -> str:
    """Text of a stranger's, no longer than `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _short(label: str) -> str:
    parts = [_short_part(key, value) for key, value in PART.findall(label)]
    return " ".join(parts) or label


def _short_part(key: str, value: str) -> str:
    """A group's choice speaks for itself; a number does not."""
    if "." in key or NAMELESS.fullmatch(value):
        return f"{key.rsplit('.', 1)[-1]}={brief(value)}"
    return str(value)


def _magnitude(value: float) -> int:
    """Of the first digit: 0 of 3.1, -2 of 0.031. Rounded first: half a width is seldom exact."""
    return math.floor(math.log10(float(f"{value:.3g}"))) if value > 0 else 0
