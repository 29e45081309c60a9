"""How numbers and durations are written."""

from __future__ import annotations

from collections.abc import Container, Mapping

from genrun.core.row_names import STANDARD_ERROR


def number(value: float) -> str:
    """Five significant digits, as short as they go."""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def with_errors(values: Mapping[str, float]) -> dict[str, str]:
    """The values as text, each with its standard error where it has one: `0.0312 ± 0.0004`."""
    shown = {}
    for name, value in values.items():
        error = values.get(name + STANDARD_ERROR)
        if not is_error(name, values):
            shown[name] = number(value) + ("" if error is None else f" ± {error:.2g}")
    return shown


def is_error(name: str, names: Container[str]) -> bool:
    """Whether a value is the standard error of another one."""
    return name.endswith(STANDARD_ERROR) and name.removesuffix(STANDARD_ERROR) in names


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
