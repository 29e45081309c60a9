"""Numbers read from text and JSON, and values written to JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*|(?=\.[0-9]))(\.[0-9]*)?([eE][-+]?[0-9]+)?", re.ASCII)


def finite_number(value: Any) -> float | None:
    """Returns a JSON value as a float, or None if it is no number or no finite float."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # integers in JSON have any size
        return None
    return number if math.isfinite(number) else None


def parse_number(text: str | None) -> float | None:
    """Returns text as a float, or None if it is no finite decimal number."""
    return finite_number(float(text)) if text and NUMBER.fullmatch(text) else None


def to_plain(value: Any) -> Any:
    """Returns a value of JSON's types: dataclasses as objects, null for NaN and infinity."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
