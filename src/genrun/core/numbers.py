"""Numbers read from text or JSON."""

from __future__ import annotations

import math
from typing import Any


def finite_number(value: Any) -> float | None:
    """A float where JSON's value is a finite number that fits one."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
