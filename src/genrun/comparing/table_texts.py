"""Costs and spans as a table has them."""

from __future__ import annotations

import math

from genrun.comparing.forms import Time
from genrun.evidence.curve import Axis


def time_text(time: Time | None, axis: Axis) -> str | None:
    """None where it is not known."""
    if time is None:
        return None
    return "missed" if time.missed else spent(time.median, axis)


def spent(amount: float, axis: Axis) -> str | None:
    if math.isnan(amount):
        return None
    if axis == "flops":
        return f"{amount:.3g}"
    return f"{amount:.3g}" if axis == "seconds" else f"{amount:,.0f}"


def span(low: float | None, high: float | None, decimals: int) -> str:
    """In brackets after a value; empty where there is none."""
    if low is None or high is None:
        return ""
    return f" (95 % interval {low:.{decimals}f} to {high:.{decimals}f})"
