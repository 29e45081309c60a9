"""Short names of contestants and units of metrics, for sentences and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from genrun.core.errors import ConfigError
from genrun.core.formatting import did_you_mean, format_setting

PART = re.compile(r"(?:^| )([\w./@-]+)=((?:(?! [\w./@-]+=).)*)")  # KEY=VALUE of a label
NAMELESS = re.compile(r"none|null|true|false|[-+\d.].*|\[.*|", re.IGNORECASE)
NATS = ("negative_elbo", "negative_log_likelihood", "reconstruction", "kl")


def short_names(labels: Sequence[str]) -> dict[str, str]:
    """Returns `adam` for `optimizer=adam`, by label; the labels if short names are not unique."""
    short = {label: _short(label) for label in labels}
    return short if len(set(short.values())) == len(short) else {label: label for label in labels}


def find_label(key: str, given: str, labels: Sequence[str]) -> str:
    """Returns the label of a contestant named in short or in full.

    Raises `ConfigError` if there is none.
    """
    for label, name in short_names(labels).items():
        if given in (label, name):
            return label
    names = list(short_names(labels).values())
    raise ConfigError(
        f"{key}={given}: must be one of {', '.join(names)}{did_you_mean(given, names)}"
    )


def metric_unit(metric: str) -> str:
    """Returns `nats`, or an empty text for a metric without unit."""
    return "nats" if metric in NATS or metric.endswith("_bound") else ""


def with_unit(text: str, metric: str) -> str:
    """`3.1 nats`, `1 nat` or `0.012 in sliced_wasserstein`."""
    unit = metric_unit(metric)
    if not unit:
        return f"{text} in {metric}"
    return f"{text} {unit.removesuffix('s') if text == '1' else unit}"


def _short(label: str) -> str:
    parts = [_short_part(key, value) for key, value in PART.findall(label)]
    return " ".join(parts) or label


def _short_part(key: str, value: str) -> str:
    """A choice needs no key; a number does."""
    if "." in key or NAMELESS.fullmatch(value):
        return f"{key.rsplit('.', 1)[-1]}={format_setting(value)}"
    return str(value)
