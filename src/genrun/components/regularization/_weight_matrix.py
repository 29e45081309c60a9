"""The weight of a linear layer as a matrix."""

from __future__ import annotations

from torch import Tensor, nn

LinearLayer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
LINEAR_LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def weight_matrix(layer: LinearLayer) -> Tensor:
    """Returns the weight as (outputs, inputs), of convolutions (outputs, inputs * kernel size)."""
    weight = layer.weight
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return weight.flatten(1)
