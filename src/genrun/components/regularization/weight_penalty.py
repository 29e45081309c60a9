"""Penalties on the size of the weights: L1 (lasso) and L2 (ridge)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.core.noise import Key
from genrun.core.protocols.model import Model
from genrun.core.types import Player


@dataclass(frozen=True)
class WeightPenalty:
    """`weight` times the sum of |w|^power over matrices and kernels, without biases and scales.

    As a part of the loss it is subject to the optimizer's adaptive scaling; decoupled decay is
    `optimizer.weight_decay` of AdamW (Loshchilov and Hutter, 1711.05101).
    """

    networks: Sequence[str] | None
    weight: float
    power: int

    def penalty(
        self, model: Model, player: Player, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> Tensor | None:
        names = [n for n in player.networks if self.networks is None or n in self.networks]
        weights = [p for n in names for p in nets[n].parameters() if p.dim() > 1]
        if not weights:
            return None
        return self.weight * torch.stack([w.abs().pow(self.power).sum() for w in weights]).sum()
