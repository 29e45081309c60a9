"""Residual blocks without normalization (R3GAN, Huang et al., 2501.05441, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from genrun.components.backbone._down_up import scale_to_near_zero
from genrun.components.backbone._multiscale import MultiscaleBackbone
from genrun.core.layers import HiddenLayer, make_activation


class ResidualBlock(nn.Module):
    """A shortcut plus two 3x3 convolutions with an activation between them.

    A condition is added to the input of the convolutions. The second one starts near zero (Fixup,
    1901.09321), which keeps the variance without normalization. The paper's blocks have three
    convolutions, the middle one grouped; with few channels that gains nothing.
    """

    def __init__(
        self, channels_in: int, channels: int, conditions: int | None, activation: nn.Module
    ) -> None:
        super().__init__()
        first = nn.Conv2d(channels_in, channels, kernel_size=3, padding=1)
        self.hidden = HiddenLayer(first, activation, channels, spatial=True)
        self.last = scale_to_near_zero(nn.Conv2d(channels, channels, kernel_size=3, padding=1))
        same = channels_in == channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels, kernel_size=1)
        self.condition = None if conditions is None else nn.Linear(conditions, channels_in)

    def forward(self, features: Tensor, condition: Tensor | None) -> Tensor:
        inputs = features
        if self.condition is not None:
            inputs = features + self.condition(condition)[..., None, None]
        outputs: Tensor = self.shortcut(features) + self.last(self.hidden(inputs))
        return outputs


@dataclass(frozen=True)
class Residual(MultiscaleBackbone):
    """Residual blocks that normalize nothing, unless a regularization is added that does."""

    activation: str

    def build_block(self, level: int, channels_in: int, conditions: int | None) -> nn.Module:
        channels = self.channels[level]
        return ResidualBlock(channels_in, channels, conditions, make_activation(self.activation))

    def build_last_layer(self, channels: int) -> nn.Module:
        return HiddenLayer(nn.Identity(), make_activation(self.activation), channels, spatial=True)
