"""How the names in a row of the log are made, for those who read it without torch too."""

from __future__ import annotations

from collections.abc import Container

STANDARD_ERROR = "_standard_error"  # at the end: that of the held-out value before it
LOW, HIGH = "_low", "_high"  # at the end: the bounds of the 95 % interval of the value before it

INTERVAL = (STANDARD_ERROR, LOW, HIGH)  # of a value that is an estimate from samples


def is_uncertainty(name: str, names: Container[str]) -> bool:
    """Whether a value only says how sure another one is."""
    return any(name.endswith(end) and name.removesuffix(end) in names for end in INTERVAL)
