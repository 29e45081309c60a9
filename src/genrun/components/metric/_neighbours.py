"""Balls around features that reach to a near neighbour, and who is in them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

ROWS = 1000  # of a matrix of distances at once


def squared_distances(left: Tensor, right: Tensor) -> Iterator[Tensor]:
    """Of (n, features) to (m, features): (rows, m) for 1000 rows of `left` after the other."""
    centre = right.mean(0)  # or distances would drown in the lengths
    left, right = left - centre, right - centre
    lengths = right.square().sum(1)
    for rows in torch.split(left, ROWS):
        squared = rows.square().sum(1, keepdim=True) + lengths - 2 * rows @ right.T
        yield squared.clamp_(min=0)


def squared_radii(features: Tensor, neighbours: int) -> Tensor:
    """The squared distance of each to its `neighbours`th nearest of the others, shape (n,)."""
    parts = []
    for index, distances in enumerate(squared_distances(features, features)):
        distances.diagonal(index * ROWS).fill_(-1.0)  # itself comes first, whatever the rounding
        parts.append(distances.kthvalue(neighbours + 1, dim=1).values)
    return torch.cat(parts)


class Coverage:
    """Which rows have a column inside, and how many rows each column is alone inside of."""

    def __init__(self, columns: int) -> None:
        self._covered: list[Tensor] = []
        self.alone = torch.zeros(columns, dtype=torch.float64)

    def add(self, inside: Tensor) -> None:
        """The next rows, boolean (rows, columns)."""
        inner = inside.sum(1)
        self._covered.append(inner > 0)
        self.alone += inside[inner == 1].sum(0)

    @property
    def covered(self) -> Tensor:
        return torch.cat(self._covered)
