"""Points of the plane as data: how all such sets are scaled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from genrun.core.errors import ConfigError
from genrun.core.protocols.data import ImageSet
from genrun.core.types import Modes

TAIL = 6.0  # standard deviations; one point in 10^9 lies further off, and is put on the edge
MARGIN = 1.25  # a generator that ends in tanh reaches the edge of the square only at infinity


def point_set(
    name: str,
    points: NDArray[np.float64],
    reach: float,
    std: float,
    labels: NDArray[np.int64] | None = None,
    centres: NDArray[np.float64] | None = None,
) -> ImageSet:
    """Points (count, 2) in their own coordinates as data of shape (count, 2, 1, 1) in [0, 1].

    [0, 1] stands for [-extent, extent] along both axes, so that distances keep their proportions;
    `extent` is 1.25 times the furthest that points can lie: `reach` and 6 times `std`. The
    `centres` (modes, 2) are of the Gaussians they were drawn from, each of that `std`.
    """
    extent = MARGIN * (reach + TAIL * std)
    if not 0 < extent < float(np.finfo(np.float32).max):
        raise ConfigError(f"data: points of {name} would lie as far off as {extent:g}")

    def scaled(given: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.clip(given / (2 * extent) + 0.5, 0, 1).astype(np.float32)

    modes = None
    if centres is not None:
        modes = Modes(torch.from_numpy(scaled(centres)), std / (2 * extent))
    images = scaled(points).reshape(-1, 2, 1, 1)
    return ImageSet(name, images, labels=labels, points=True, extent=extent, modes=modes)


def draw_mixture(
    name: str, centres: Sequence[tuple[float, float]], std: float, count: int, seed: int
) -> ImageSet:
    """Points of equally likely round Gaussians; the label is the number of the Gaussian."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(len(centres), size=count)
    middles = np.array(centres, np.float64)
    points = middles[labels] + std * generator.standard_normal((count, 2))
    return point_set(name, points, float(np.abs(middles).max()), std, labels, middles)
