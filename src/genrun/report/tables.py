"""Tables of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """A cell's text, and the number that its column is sorted by if there is one."""

    text: str
    sort: float | None = None
    number: bool = False


@dataclass(frozen=True)
class PageTable:
    """Rows of cells below the names of their columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    note: str = ""
    total: Sequence[Cell] = field(default=())


def number_cell(text: str, value: float | None) -> Cell:
    """A cell with a number; one without is sorted behind all others."""
    known = value is not None and math.isfinite(value)
    return Cell(text, value if known else 1e308, number=True)
