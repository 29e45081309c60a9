"""The U-Net of diffusion models (Ho et al., 2006.11239; Dhariwal and Nichol, 2105.05233)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.backbone._down_up import nearly_zero
from genrun.components.backbone._multiscale import Levels
from genrun.core.layers import HiddenLayer, activation


class UNetBlock(nn.Module):
    """Normalized, scaled and shifted by the condition, two convolutions, added to what came in.

    As the adaptive group normalization of 2105.05233 (section 4.3), but before the first
    convolution, so that one normalization a block does.
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
        self.last = nearly_zero(nn.Conv2d(channels, channels, kernel_size=3, padding=1))
        same = channels_in == channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels, kernel_size=1)

    def forward(self, features: Tensor, condition: Tensor | None) -> Tensor:
        seen = self.norm(features)
        if self.condition is not None:
            scale, shift = self.condition(condition)[..., None, None].chunk(2, dim=1)
            seen = torch.addcmul(seen + shift, seen, scale)
        outputs: Tensor = self.shortcut(features) + self.last(self.hidden(seen))
        return outputs


class SelfAttention(nn.Module):
    """Every pixel attends to every pixel (1706.03762, equation 1), added to what came in.

    Written out, as torch's fused one on a CPU cannot be differentiated twice, which R1 needs.
    """

    def __init__(self, channels: int, heads: int, groups: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(math.gcd(groups, channels), channels)
        self.projections = nn.Conv2d(channels, 3 * channels, kernel_size=1)
        self.last = nearly_zero(nn.Conv2d(channels, channels, kernel_size=1))

    def forward(self, features: Tensor) -> Tensor:
        heads = (len(features), 3, self.heads, -1, features.shape[-2] * features.shape[-1])
        queries, keys, values = self.projections(self.norm(features)).view(heads).unbind(1)
        scores = queries.transpose(-2, -1) @ keys / math.sqrt(queries.shape[-2])
        attended = values @ scores.softmax(-1).transpose(-2, -1)
        outputs: Tensor = features + self.last(attended.reshape(features.shape))
        return outputs


class AttendingBlock(nn.Module):
    """A block and self-attention after it."""

    def __init__(self, block: nn.Module, attention: nn.Module) -> None:
        super().__init__()
        self.block = block
        self.attention = attention

    def forward(self, features: Tensor, condition: Tensor | None) -> Tensor:
        outputs: Tensor = self.attention(self.block(features, condition))
        return outputs


@dataclass(frozen=True)
class UNet(Levels):
    """Group-normalized blocks, with self-attention after each at the lowest levels.

    As a denoiser both ways are joined at every level; `encoder` is the way down alone and
    `decoder` the way up.
    """

    attention_levels: int
    heads: int
    groups: int
    activation: str

    def block(self, level: int, channels_in: int, conditions: int | None) -> nn.Module:
        channels = self.channels[level]
        block = UNetBlock(
            channels_in, channels, conditions, self.groups, activation(self.activation)
        )
        if level < len(self.channels) - self.attention_levels:
            return block
        if channels % self.heads != 0:
            raise ValueError(f"heads={self.heads}: must divide the {channels} channels")
        return AttendingBlock(block, SelfAttention(channels, self.heads, self.groups))

    def last(self, channels: int) -> nn.Module:
        norm = nn.GroupNorm(math.gcd(self.groups, channels), channels)
        return HiddenLayer(norm, activation(self.activation), channels, spatial=True)
