"""Spectral normalization (Miyato et al., 1802.05957)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from genrun.components.regularization._weight_matrix import (
    LINEAR_LAYERS,
    LinearLayer,
    weight_matrix,
)


class SpectralNormalized(nn.Module):
    """A linear layer whose weight is divided by an estimate of its largest singular value.

    The estimate takes one power iteration a training call (algorithm 1); its vector `u` is a
    buffer that is updated like BatchNorm's statistics. Because the layer is linear, its output is
    divided instead of its weight, which also works under `torch.vmap`, where torch's own
    parametrization does not.
    """

    u: Tensor

    def __init__(self, layer: LinearLayer, eps: float) -> None:
        super().__init__()
        self.layer = layer
        self.eps = eps
        self.track_running_stats = True  # as in BatchNorm, see `core.layers.frozen_statistics`
        rows = weight_matrix(layer).shape[0]
        self.register_buffer("u", normalize(torch.randn(rows), dim=0, eps=eps))

    def forward(self, inputs: Tensor) -> Tensor:
        weight = weight_matrix(self.layer)
        with torch.no_grad():
            v = normalize(weight.T @ self.u, dim=0, eps=self.eps)
            u = normalize(weight @ v, dim=0, eps=self.eps)
            if self.training and self.track_running_stats:
                self.u.copy_(u)
        sigma = u @ weight @ v
        outputs: Tensor = self.layer(inputs)
        if self.layer.bias is None:
            return outputs / sigma
        spatial = 0 if isinstance(self.layer, nn.Linear) else outputs.dim() - 2
        bias = self.layer.bias.view(-1, *[1] * spatial)
        return (outputs - bias) / sigma + bias


@dataclass(frozen=True)
class SpectralNorm:
    """Divides the weight of every linear layer by its largest singular value."""

    networks: Sequence[str] | None
    eps: float

    def change_network(self, network: nn.Module) -> nn.Module:
        for name, child in network.named_children():
            if isinstance(child, LINEAR_LAYERS):
                setattr(network, name, SpectralNormalized(child, self.eps))
            else:
                self.change_network(child)
        return network
