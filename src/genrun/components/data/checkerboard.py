"""A checkerboard, uniform on every other square, as in FFJORD (Grathwohl et al., 1810.01367)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genrun.components.data._points import make_point_set
from genrun.core.protocols.data import ImageSet


@dataclass(frozen=True)
class Checkerboard:
    """`count` points on every other square of a board of `squares` by `squares`, without labels.

    The points depend on this `seed`, not on the run's. See `make_point_set` for their scale.
    """

    squares: int
    side: float
    count: int
    seed: int

    def load(self) -> ImageSet:
        generator = np.random.default_rng(self.seed)
        occupied = np.argwhere(np.indices((self.squares, self.squares)).sum(0) % 2 == 0)
        corners = occupied[generator.integers(len(occupied), size=self.count)]
        board = (corners + generator.random((self.count, 2))) / self.squares  # in [0, 1]
        return make_point_set("checkerboard", self.side * (board - 0.5), self.side / 2, std=0.0)
