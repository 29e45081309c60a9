"""Gaussians on a square grid, as in VEEGAN (Srivastava et al., 1705.07761)."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.components.data._points import draw_mixture
from genrun.core.protocols.data import ImageSet


@dataclass(frozen=True)
class Grid:
    """`count` points of `rows` times `rows` equally likely Gaussians; which one is the label.

    The points are a function of `seed`, not of the run's. See `points.point_set` for the scale.
    """

    rows: int
    spacing: float
    std: float
    count: int
    seed: int

    def load(self) -> ImageSet:
        line = [self.spacing * (row - (self.rows - 1) / 2) for row in range(self.rows)]
        centres = [(x, y) for x in line for y in line]
        return draw_mixture("grid", centres, self.std, self.count, self.seed)
