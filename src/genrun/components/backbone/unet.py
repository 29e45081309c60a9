"""The U-Net of diffusion models (Ho et al., 2006.11239; Dhariwal and Nichol, 2105.05233)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.backbone._down_up import scale_to_near_zero
from genrun.components.backbone._multiscale import MultiscaleBackbone
from genrun.core.layers import HiddenLayer, make_activation


class UNetBlock(nn.Module):
    """A shortcut plus normalization, scale and shift by the condition, and two convolutions.

    The adaptive group normalization of 2105.05233 (section 4.3), but before the first convolution,
    so that one normalization per block is enough.
    """

    def __init__(
        self,
        channels_in: int,
        channels: int,
        conditions: int | None,
        groups: int,
        activation: nn.Module,
    ) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(math.gcd(groups, channels_in), channels_in)
        self.condition = None if conditions is None else nn.Linear(conditions, 2 * channels_in)
        first = nn.Conv2d(channels_in, channels, kernel_size=3, padding=1)
        self.hidden = HiddenLayer(first, activation, channels, spatial=True)
        self.last = scale_to_near_zero(nn.Conv2d(channels, channels, kernel_size=3, padding=1))
        same = channels_in == channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels, kernel_size=1)

    def forward(self, features: Tensor, condition: Tensor | None) -> Tensor:
        inputs = self.norm(features)
        if self.condition is not None:
            scale, shift = self.condition(condition)[..., None, None].chunk(2, dim=1)
            inputs = torch.addcmul(inputs + shift, inputs, scale)
        outputs: Tensor = self.shortcut(features) + self.last(self.hidden(inputs))
        return outputs


class SelfAttention(nn.Module):
    """A shortcut plus attention of every pixel to every pixel (1706.03762, equation 1).

    Written out, as torch's fused attention cannot be differentiated twice on a CPU, as R1 needs.
    """

    def __init__(self, channels: int, heads: int, groups: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(math.gcd(groups, channels), channels)
        self.projections = nn.Conv2d(channels, 3 * channels, kernel_size=1)
        self.last = scale_to_near_zero(nn.Conv2d(channels, channels, kernel_size=1))

    def forward(self, features: Tensor) -> Tensor:
        heads = (len(features), 3, self.heads, -1, features.shape[-2] * features.shape[-1])
        queries, keys, values = self.projections(self.norm(features)).view(heads).unbind(1)
        scores = queries.transpose(-2, -1) @ keys / math.sqrt(queries.shape[-2])
        attended = values @ scores.softmax(-1).transpose(-2, -1)
        outputs: Tensor = features + self.last(attended.reshape(features.shape))
        return outputs


class AttendingBlock(nn.Module):
    """A block, then self-attention."""

    def __init__(self, block: nn.Module, attention: nn.Module) -> None:
        super().__init__()
        self.block = block
        self.attention = attention

    def forward(self, features: Tensor, condition: Tensor | None) -> Tensor:
        outputs: Tensor = self.attention(self.block(features, condition))
        return outputs


@dataclass(frozen=True)
class UNet(MultiscaleBackbone):
    """Group-normalized residual blocks, followed by self-attention at the lowest levels.

    The denoiser is the U-Net; encoders are its downward half alone, decoders its upward half.
    """

    attention_levels: int
    heads: int
    groups: int
    activation: str

    def build_block(self, level: int, channels_in: int, conditions: int | None) -> nn.Module:
        channels = self.channels[level]
        block = UNetBlock(
            channels_in, channels, conditions, self.groups, make_activation(self.activation)
        )
        if level < len(self.channels) - self.attention_levels:
            return block
        if channels % self.heads != 0:
            raise ValueError(f"heads={self.heads}: must divide the number of channels, {channels}")
        return AttendingBlock(block, SelfAttention(channels, self.heads, self.groups))

    def build_last_layer(self, channels: int) -> nn.Module:
        norm = nn.GroupNorm(math.gcd(self.groups, channels), channels)
        return HiddenLayer(norm, make_activation(self.activation), channels, spatial=True)
