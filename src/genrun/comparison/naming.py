"""How contestants and values are named in sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

from genrun.core.errors import ConfigError
from genrun.core.formatting import format_setting

PART = re.compile(r"(?:^| )([\w./@-]+)=((?:(?! [\w./@-]+=).)*)")  # KEY=VALUE of a label
NAMELESS = re.compile(r"none|null|true|false|[-+\d.].*|\[.*|", re.IGNORECASE)
NATS = ("negative_elbo", "negative_log_likelihood", "reconstruction", "kl")


def short_names(labels: Sequence[str]) -> dict[str, str]:
    """`adam` for `optimizer=adam`, by label; the labels where that would not tell them apart."""
    short = {label: _short(label) for label in labels}
    return short if len(set(short.values())) == len(short) else {label: label for label in labels}


def find_label(key: str, given: str, labels: Sequence[str]) -> str:
    """The contestant that is called so, in short or in full. Raises `ConfigError`."""
    for label, name in short_names(labels).items():
        if given in (label, name):
            return label
    from genrun.core.formatting import did_you_mean

    names = list(short_names(labels).values())
    raise ConfigError(
        f"{key}={given}: must be one of {', '.join(names)}{did_you_mean(given, names)}"
    )


def unit_of(metric: str) -> str:
    """`nats`, or nothing where it has none."""
    return "nats" if metric in NATS or metric.endswith("_bound") else ""


def with_unit(text: str, metric: str) -> str:
    """`3.1 nats`, `1 nat` or `0.012 in sliced_wasserstein`."""
    unit = unit_of(metric)
    if not unit:
        return f"{text} in {metric}"
    return f"{text} {unit.removesuffix('s') if text == '1' else unit}"


def _short(label: str) -> str:
    parts = [_short_part(key, value) for key, value in PART.findall(label)]
    return " ".join(parts) or label


def _short_part(key: str, value: str) -> str:
    """A group's choice speaks for itself; a number does not."""
    if "." in key or NAMELESS.fullmatch(value):
        return f"{key.rsplit('.', 1)[-1]}={format_setting(value)}"
    return str(value)
