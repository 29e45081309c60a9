"""Spectral normalization (Miyato et al., 1802.05957)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

LINEAR = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


class SpectralNormalized(nn.Module):
    """A linear layer whose weight is divided by an estimate of its largest singular value.

    The estimate is one power iteration a training call (algorithm 1 of the paper); its vector
    `u` is a buffer, moved like BatchNorm's statistics. The layer being linear, its output is
    divided instead of its weight, which also works under `torch.vmap` where torch's own
    parametrization does not.
    """

    u: Tensor

    def __init__(self, layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, eps: float) -> None:
        super().__init__()
        self.layer = layer
        self.eps = eps
        self.track_running_stats = True  # as in BatchNorm, see `core.layers.frozen_statistics`
        rows = self._matrix().shape[0]
        self.register_buffer("u", normalize(torch.randn(rows), dim=0, eps=eps))

    def forward(self, inputs: Tensor) -> Tensor:
        weight = self._matrix()
        with torch.no_grad():
            v = normalize(weight.T @ self.u, dim=0, eps=self.eps)
            u = normalize(weight @ v, dim=0, eps=self.eps)
            if self.training and self.track_running_stats:
                self.u.copy_(u)
        sigma = u @ weight @ v
        outputs: Tensor = self.layer(inputs)
        if self.layer.bias is None:
            return outputs / sigma
        bias = self.layer.bias.view(-1, *[1] * (outputs.dim() - 2))
        return (outputs - bias) / sigma + bias

    def _matrix(self) -> Tensor:
        """The weight as (outputs, everything else)."""
        weight = self.layer.weight
        if isinstance(self.layer, nn.ConvTranspose2d):
            weight = weight.transpose(0, 1)
        return weight.flatten(1)


@dataclass(frozen=True)
class SpectralNorm:
    """Divides every linear map of a network by its spectral norm."""

    networks: Sequence[str] | None
    eps: float

    def change(self, network: nn.Module) -> nn.Module:
        for name, child in network.named_children():
            if isinstance(child, LINEAR):
                setattr(network, name, SpectralNormalized(child, self.eps))
            else:
                self.change(child)
        return network
