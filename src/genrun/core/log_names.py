"""The suffixes of names in a row of the log. Imports no torch, for readers of the log."""

from __future__ import annotations

from collections.abc import Container

STANDARD_ERROR = "_standard_error"  # of the held-out value with the name before it
LOW, HIGH = "_low", "_high"  # bounds of the 95 % interval of the value with the name before it

INTERVAL = (STANDARD_ERROR, LOW, HIGH)  # of a value that is estimated from samples


def is_uncertainty(name: str, names: Container[str]) -> bool:
    """Whether a value is the standard error or an interval's bound of another one in `names`."""
    return any(name.endswith(end) and name.removesuffix(end) in names for end in INTERVAL)
