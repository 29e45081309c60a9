"""Fast reading of many logs: only rows of evaluations, parsed in batches."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from genrun.core.errors import CheckpointUnusable
from genrun.results.curve import Curve, Numbers
from genrun.runs import layout

HELD_OUT = "held_out/"
EVALUATED = f'"{HELD_OUT}'.encode()
LARGEST = 1 << 30  # bytes of one log
AT_ONCE = 2000  # lines that are parsed together: few calls, and not the whole log as objects
NUMBERS = {int, float}


def read_curve(folder: Path, flops_a_step: float | None) -> Curve:
    """The evaluations in metrics.jsonl, with seconds from timings.jsonl.

    Raises `CheckpointUnusable` if a log is damaged.
    """
    log = folder / layout.METRICS
    try:
        rows = read_complete_rows(log, EVALUATED)
        timings = read_complete_rows(folder / layout.TIMINGS, b'"training"')
        curve = _curve(rows, timings, flops_a_step)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise CheckpointUnusable(f"{log}: cannot be read ({what})") from error
    return curve


def read_complete_rows(path: Path, having: bytes) -> list[dict[str, Any]]:
    """Returns the rows that contain `having`; a last line cut by a crash is left out."""
    if path.is_symlink() or not path.is_file():
        return []
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    lines = path.read_bytes().split(b"\n")[:-1]
    wanted = [line for line in lines if having in line]
    rows: list[dict[str, Any]] = []
    for start in range(0, len(wanted), AT_ONCE):
        part = json.loads(b"[" + b",".join(wanted[start : start + AT_ONCE]) + b"]")
        rows += [row for row in part if isinstance(row, dict) and "health" not in row]
    return rows


def _curve(
    rows: Sequence[Mapping[str, Any]], timings: Sequence[Mapping[str, Any]], flops: float | None
) -> Curve:
    steps = _column(rows, "step")
    if np.any(np.diff(steps) <= 0) or np.any(~np.isfinite(steps)):
        raise ValueError("its steps do not follow each other")
    names = dict.fromkeys(name for row in rows for name in row if name.startswith(HELD_OUT))
    return Curve(
        cost={
            "steps": steps,
            "seconds": _seconds(steps, timings),
            "examples": _column(rows, "examples"),
            "flops": steps * (math.nan if flops is None else flops),
        },
        values={name.removeprefix(HELD_OUT): _column(rows, name) for name in names},
    )


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> Numbers:
    """Returns numbers, NaN for missing or non-finite ones. Raises `ValueError` for text."""
    column = [row.get(name, math.nan) for row in rows]
    if not NUMBERS.issuperset(map(type, column)):
        raise ValueError(f"{name} is no number")
    numbers = np.array(column, np.float64)
    numbers[~np.isfinite(numbers)] = math.nan
    return numbers


def _seconds(steps: Numbers, timings: Sequence[Mapping[str, Any]]) -> Numbers:
    """Returns the seconds of training at each of the steps."""
    known = {row["step"]: row["training"] for row in timings}
    return np.array([known.get(step, math.nan) for step in steps.tolist()], np.float64)
