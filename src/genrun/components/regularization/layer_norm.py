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

    Over channels, or over channels, height and width (section 3 of the paper); the learned scale
    and shift are one a channel, as in WGAN-GP's critic (1704.00028).
    """

    networks: Sequence[str] | None
    eps: float
    affine: bool
    before_activation = True

    def check_hidden_layers(self, layers: Sequence[HiddenLayer]) -> None:
        if any(layer.channels == 1 and not layer.spatial for layer in layers):
            raise ConfigError(
                "regularization=layer_norm: of a hidden layer of width 1 it would leave nothing; "
                "at least 2 are needed"
            )

    def build_layer(self, channels: int, spatial: bool) -> nn.Module:
        if spatial:  # the same as one group
            return nn.GroupNorm(1, channels, eps=self.eps, affine=self.affine)
        return nn.LayerNorm(channels, eps=self.eps, elementwise_affine=self.affine)
