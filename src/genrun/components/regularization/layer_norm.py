"""Layer normalization (Ba et al., 1607.06450)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from genrun.core.errors import ConfigError
from genrun.core.layers import HiddenLayer


@dataclass(frozen=True)
class LayerNorm:
    """Normalizes each image's hidden layer over all of its values, before the activation.

    These are channels, or channels, height and width (section 3 of the paper). The learned scale
    and shift are one per channel, as in WGAN-GP's critic (1704.00028).
    """

    networks: Sequence[str] | None
    eps: float
    affine: bool
    before_activation = True

    def check_hidden_layers(self, layers: Sequence[HiddenLayer]) -> None:
        if any(layer.channels == 1 and not layer.spatial for layer in layers):
            raise ConfigError(
                "regularization=layer_norm: would set a hidden layer of width 1 to 0; "
                "its width must be at least 2"
            )

    def build_layer(self, channels: int, spatial: bool) -> nn.Module:
        if spatial:  # group normalization with one group
            return nn.GroupNorm(1, channels, eps=self.eps, affine=self.affine)
        return nn.LayerNorm(channels, eps=self.eps, elementwise_affine=self.affine)
