"""Arms of an Archimedean spiral, wound into each other (Lang and Witbrock, 1988)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genrun.components.data._points import point_set
from genrun.core.protocols.data import ImageSet


@dataclass(frozen=True)
class Spiral:
    """`count` points on `arms` arms, denser by length towards the middle; the arm is the label.

    The points are a function of `seed`, not of the run's. See `points.point_set` for the scale.
    """

    arms: int
    turns: float
    radius: float
    std: float
    count: int
    seed: int

    def load(self) -> ImageSet:
        generator = np.random.default_rng(self.seed)
        labels = generator.integers(self.arms, size=self.count)
        outward = np.sqrt(generator.random(self.count))  # 0 in the middle, 1 at the end
        angles = 2 * np.pi * (self.turns * outward + labels / self.arms)
        line = self.radius * outward * np.stack([np.cos(angles), np.sin(angles)])
        points = line.T + self.std * generator.standard_normal((self.count, 2))
        return point_set("spiral", points, self.radius, self.std, labels)
