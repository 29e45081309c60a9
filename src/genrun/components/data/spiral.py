"""The arms of an Archimedean spiral (Lang and Witbrock, 1988)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genrun.components.data._points import make_point_set
from genrun.core.protocols.data import ImageSet


@dataclass(frozen=True)
class Spiral:
    """`count` points on `arms` arms, denser towards the middle; the arm is the label.

    The points depend on this `seed`, not on the run's. See `make_point_set` for their scale.
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
        distances = np.sqrt(generator.random(self.count))  # 0 in the middle, 1 at the end
        angles = 2 * np.pi * (self.turns * distances + labels / self.arms)
        line = self.radius * distances * np.stack([np.cos(angles), np.sin(angles)])
        points = line.T + self.std * generator.standard_normal((self.count, 2))
        return make_point_set("spiral", points, self.radius, self.std, labels)
