"""Gaussians on a square grid, as in VEEGAN (Srivastava et al., 1705.07761)."""

from __future__ import annotations

from dataclasses import dataclass

from genrun.components.data._points import draw_mixture
from genrun.core.protocols.data import ImageSet


@dataclass(frozen=True)
class Grid:
    """`count` points of `rows` x `rows` equally likely Gaussians; the Gaussian is the label.

    The points depend on this `seed`, not on the run's. See `make_point_set` for their scale.
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
