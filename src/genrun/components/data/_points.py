"""Points of the plane as data, all scaled in the same way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from genrun.core.errors import ConfigError
from genrun.core.protocols.data import ImageSet
from genrun.core.types import Modes

TAIL = 6.0  # standard deviations; the one point in 10^9 beyond is moved to the edge
MARGIN = 1.25  # keeps data off the edge, which a generator that ends in tanh cannot reach


def make_point_set(
    name: str,
    points: NDArray[np.float64],
    reach: float,
    std: float,
    labels: NDArray[np.int64] | None = None,
    centres: NDArray[np.float64] | None = None,
) -> ImageSet:
    """Returns points (count, 2) in their own coordinates as data (count, 2, 1, 1) in [0, 1].

    [0, 1] stands for [-extent, extent] along both axes, so that distances keep their proportions;
    `extent` is 1.25 times the largest coordinate, `reach` plus 6 `std`. The `centres` (modes, 2)
    are those of the Gaussians that the points were drawn from, with standard deviation `std`.
    Raises `ConfigError` if the extent is 0 or no finite float32.
    """
    extent = MARGIN * (reach + TAIL * std)
    if not 0 < extent < float(np.finfo(np.float32).max):
        raise ConfigError(
            f"data: the coordinates of {name} would reach {extent:g}, which must be positive and "
            "finite"
        )

    def to_unit(coordinates: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.clip(coordinates / (2 * extent) + 0.5, 0, 1).astype(np.float32)

    modes = None
    if centres is not None:
        modes = Modes(torch.from_numpy(to_unit(centres)), std / (2 * extent))
    images = to_unit(points).reshape(-1, 2, 1, 1)
    return ImageSet(name, images, labels=labels, points=True, extent=extent, modes=modes)


def draw_mixture(
    name: str, centres: Sequence[tuple[float, float]], std: float, count: int, seed: int
) -> ImageSet:
    """Returns points of equally likely isotropic Gaussians, labelled with the Gaussian's index."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(len(centres), size=count)
    middles = np.array(centres, np.float64)
    points = middles[labels] + std * generator.standard_normal((count, 2))
    return make_point_set(name, points, float(np.abs(middles).max()), std, labels, middles)
