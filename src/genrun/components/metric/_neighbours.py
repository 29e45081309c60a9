"""Balls around features that reach to a near neighbour, and what they cover."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

ROWS = 1000  # of a distance matrix, in memory at once


def squared_distances(left: Tensor, right: Tensor) -> Iterator[Tensor]:
    """Yields the distances of (n, features) to (m, features), (`ROWS`, m) at a time."""
    centre = right.mean(0)  # or rounding of the norms would hide small distances
    left, right = left - centre, right - centre
    norms = right.square().sum(1)
    for rows in torch.split(left, ROWS):
        squared = rows.square().sum(1, keepdim=True) + norms - 2 * rows @ right.T
        yield squared.clamp_(min=0)


def squared_radii(features: Tensor, neighbours: int) -> Tensor:
    """Returns each point's squared distance to its k-th nearest other, k = `neighbours`: (n,)."""
    parts = []
    for index, distances in enumerate(squared_distances(features, features)):
        distances.diagonal(index * ROWS).fill_(
            -1.0
        )  # the point itself is nearest, in spite of rounding
        parts.append(distances.kthvalue(neighbours + 1, dim=1).values)
    return torch.cat(parts)


class Coverage:
    """Which rows are covered by any column, and how many rows each column alone covers."""

    def __init__(self, columns: int) -> None:
        self._covered: list[Tensor] = []
        self.sole_counts = torch.zeros(columns, dtype=torch.float64)

    def add(self, inside: Tensor) -> None:
        """Adds the next rows, boolean (rows, columns)."""
        count = inside.sum(1)
        self._covered.append(count > 0)
        self.sole_counts += inside[count == 1].sum(0)

    @property
    def covered(self) -> Tensor:
        return torch.cat(self._covered)
