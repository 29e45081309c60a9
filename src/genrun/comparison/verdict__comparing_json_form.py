"""A verdict as JSON that any reader takes: what is not finite is null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from genrun.comparison.verdict import Verdict

FORMAT = 1


def to_json(verdict: Verdict) -> dict[str, Any]:
    """Dataclasses as objects of their fields, seeds as text."""
    return {"format": FORMAT, **_plain(verdict)}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
