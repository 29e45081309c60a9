"""What regularizations of linear maps share."""

from __future__ import annotations

from torch import Tensor, nn

Linear = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
LINEAR = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def as_matrix(layer: Linear) -> Tensor:
    """The weight, a kernel flattened: (outputs, everything else)."""
    weight = layer.weight
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return weight.flatten(1)
