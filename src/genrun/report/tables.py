"""Tables as their template draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """What is written, and the number by which a column is sorted where it is one."""

    text: str
    sort: float | None = None
    number: bool = False


@dataclass(frozen=True)
class PageTable:
    """Rows of cells below their columns' names."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    note: str = ""
    total: Sequence[Cell] = field(default=())


def number_cell(text: str, value: float | None) -> Cell:
    """What has no value is sorted behind all others."""
    known = value is not None and math.isfinite(value)
    return Cell(text, value if known else 1e308, number=True)
