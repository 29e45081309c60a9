"""How numbers and durations are written."""

from __future__ import annotations

from collections.abc import Mapping

from genrun.core.log_names import HIGH, LOW, STANDARD_ERROR, is_error


def number(value: float) -> str:
    """Five significant digits, as short as they go."""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def with_errors(values: Mapping[str, float]) -> dict[str, str]:
    """The values as text: `12.3 [11.8, 12.9]` with an interval, else `0.0312 ± 0.0004`."""
    shown = {}
    for name, value in values.items():
        if is_error(name, values):
            continue
        shown[name] = number(value)
        error, low, high = (values.get(name + end) for end in (STANDARD_ERROR, LOW, HIGH))
        if low is not None and high is not None:
            shown[name] += f" [{low:.3g}, {high:.3g}]"
        elif error is not None:
            shown[name] += f" ± {error:.2g}"
    return shown


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
