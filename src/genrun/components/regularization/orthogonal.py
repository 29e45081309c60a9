"""Orthogonal regularization (Brock et al., 1609.07093), relaxed as in BigGAN (1809.11096)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.regularization._weight_matrix import LINEAR_LAYERS, weight_matrix
from genrun.core.noise import Key
from genrun.core.protocols.model import Model
from genrun.core.types import Player


@dataclass(frozen=True)
class Orthogonal:
    """`weight` times the squared inner products of the filters of each linear layer.

    The sum over pairs of different filters, kernels flattened: equation 3 of BigGAN. With
    `diagonal` also (each filter's product with itself - 1)^2: equation 2 of BigGAN, the squared
    form of the penalty of Brock et al. (1609.07093).
    """

    networks: Sequence[str] | None
    weight: float
    diagonal: bool

    def penalty(
        self, model: Model, player: Player, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> Tensor | None:
        names = [n for n in player.networks if self.networks is None or n in self.networks]
        matrices = [
            weight_matrix(module)
            for name in names
            for module in nets[name].modules()
            if isinstance(module, LINEAR_LAYERS)
        ]
        if not matrices:
            return None
        return self.weight * torch.stack([self._distance(matrix) for matrix in matrices]).sum()

    def _distance(self, matrix: Tensor) -> Tensor:
        """Returns the penalty, of shape (), of a matrix (filters, inputs)."""
        products = matrix @ matrix.T
        if self.diagonal:
            return (products - torch.eye(len(matrix)).to(products)).square().sum()
        return products.square().sum() - products.diagonal().square().sum()
