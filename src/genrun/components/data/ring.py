"""Gaussians in a ring, as in Unrolled GAN (Metz et al., 1611.02163)."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

from genrun.components.data._points import draw_mixture
from genrun.core.protocols.data import ImageSet


@dataclass(frozen=True)
class Ring:
    """`count` points of `modes` equally likely Gaussians on a circle; the Gaussian is the label.

    The points depend on this `seed`, not on the run's. See `make_point_set` for their scale.
    """

    modes: int
    radius: float
    std: float
    count: int
    seed: int

    def load(self) -> ImageSet:
        angles = [2 * pi * mode / self.modes for mode in range(self.modes)]
        centres = [(self.radius * cos(angle), self.radius * sin(angle)) for angle in angles]
        return draw_mixture("ring", centres, self.std, self.count, self.seed)
