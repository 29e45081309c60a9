"""Batch normalization (Ioffe and Szegedy, 1502.03167)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class BatchNorm:
    """Normalizes each hidden channel over batch and positions, before the activation."""

    networks: Sequence[str] | None
    momentum: float
    eps: float
    affine: bool
    before_activation = True

    def build_layer(self, channels: int, spatial: bool) -> nn.Module:
        kind = nn.BatchNorm2d if spatial else nn.BatchNorm1d
        return kind(channels, eps=self.eps, momentum=self.momentum, affine=self.affine)
