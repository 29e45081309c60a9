"""One number of the table: how often something happened, and how often it may."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Cell:
    what: str
    noise: str
    seeds: int
    trials: int
    share: float
    least: float | None = None  # None: printed, not judged
    most: float | None = None

    @property
    def error(self) -> float:
        """Standard error of the share, by simulation."""
        return math.sqrt(self.share * (1 - self.share) / self.trials)

    @property
    def outside(self) -> bool:
        """By more than the simulation's own noise: 3 of its standard errors."""
        margin = 3 * self.error
        below = self.least is not None and self.share < self.least - margin
        return below or (self.most is not None and self.share > self.most + margin)

    def percent(self) -> str:
        return f"{100 * self.share:.1f}{' !' if self.outside else ''}"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "error": self.error, "outside": self.outside}


def table(cells: Sequence[Cell]) -> str:
    """A line for each thing and noise, a column for each number of seeds, in percent."""
    columns = sorted({cell.seeds for cell in cells})
    lines: dict[tuple[str, str], dict[int, str]] = {}
    for cell in cells:
        lines.setdefault((cell.what, cell.noise), {})[cell.seeds] = cell.percent()
    rows = [("%", "noise", *(f"{seeds} seeds" for seeds in columns))]
    rows += [(*key, *(found.get(seeds, "") for seeds in columns)) for key, found in lines.items()]
    rows.insert(1, ("---",) * len(rows[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
