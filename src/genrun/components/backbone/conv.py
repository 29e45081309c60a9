"""Strided convolutions, and transposed ones in decoders (DCGAN, Radford et al., 1511.06434)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from genrun.components.backbone._resolution import Size, halved_sizes
from genrun.core.layers import HiddenLayer, make_activation
from genrun.core.types import DataSpec


class _Denoiser(nn.Module):
    """A U-Net; the condition is added to the features of each level on the way down."""

    def __init__(
        self, downs: Sequence[nn.Module], ups: Sequence[nn.Module], conditions: Sequence[nn.Module]
    ) -> None:
        super().__init__()
        self.downs = nn.ModuleList(downs)
        self.ups = nn.ModuleList(ups)
        self.conditions = nn.ModuleList(conditions)  # to the channels of each level

    def forward(self, images: Tensor, condition: Tensor) -> Tensor:
        features, skips = images, []
        for down, to_channels in zip(self.downs, self.conditions, strict=True):
            features = down(features)
            features = features + to_channels(condition)[..., None, None]
            skips.append(features)
        for level, up in enumerate(self.ups):
            inputs = features if level == 0 else torch.cat((features, skips[-1 - level]), dim=1)
            features = up(inputs)
        return features


@dataclass(frozen=True)
class Conv:
    """A 4x4 convolution of stride 2 for each entry of `channels`, then dense hidden layers.

    Each convolution halves the image, rounding down; the decoder pads odd sizes, so any size of at
    least 2^len(channels) works.
    """

    channels: Sequence[int]
    hidden: Sequence[int]
    encoder_activation: str
    decoder_activation: str

    def build_encoder(self, spec: DataSpec, outputs: int | None) -> nn.Module:
        sizes = self._sizes(spec)
        depths = [spec.channels, *self.channels]
        layers: list[nn.Module] = [
            self._down(fan_in, fan_out) for fan_in, fan_out in pairwise(depths)
        ]
        layers.append(nn.Flatten())
        if outputs is not None:
            widths = [self._features(sizes), *self.hidden]
            layers += self._dense(widths, self.encoder_activation)
            layers.append(nn.Linear(widths[-1], outputs))
        return nn.Sequential(*layers)

    def build_decoder(self, spec: DataSpec, inputs: int | None) -> nn.Module:
        sizes = self._sizes(spec)
        features = self._features(sizes)
        layers: list[nn.Module] = []
        if inputs is not None:
            widths = [inputs, *reversed(self.hidden), features]
            layers += self._dense(widths, self.decoder_activation)
        layers.append(nn.Unflatten(1, (self.channels[-1], *sizes[-1])))
        depths = [*reversed(self.channels), spec.channels]
        for level, (fan_in, fan_out) in enumerate(pairwise(depths), start=1):
            up = self._up(fan_in, fan_out, small=sizes[-level], large=sizes[-level - 1])
            image = level == len(self.channels)
            layers.append(up if image else self._hidden(up, self.decoder_activation, fan_out))
        return nn.Sequential(*layers)

    def build_denoiser(self, spec: DataSpec, conditions: int) -> nn.Module:
        """Returns a U-Net with skip connections at every level, without the dense layers."""
        sizes = self._sizes(spec)
        depths = [spec.channels, *self.channels]
        downs = [self._down(fan_in, fan_out) for fan_in, fan_out in pairwise(depths)]
        ups = []
        for level in range(len(self.channels), 0, -1):
            skipped = 0 if level == len(self.channels) else depths[level]
            fan_in, fan_out = depths[level] + skipped, depths[level - 1]
            up = self._up(fan_in, fan_out, small=sizes[level], large=sizes[level - 1])
            image = level == 1
            ups.append(up if image else self._hidden(up, self.decoder_activation, fan_out))
        return _Denoiser(downs, ups, [nn.Linear(conditions, depth) for depth in self.channels])

    def _down(self, fan_in: int, fan_out: int) -> nn.Module:
        convolution = nn.Conv2d(fan_in, fan_out, kernel_size=4, stride=2, padding=1)
        return self._hidden(convolution, self.encoder_activation, fan_out)

    def _up(self, fan_in: int, fan_out: int, small: Size, large: Size) -> nn.Module:
        odd = (large[0] - 2 * small[0], large[1] - 2 * small[1])
        return nn.ConvTranspose2d(
            fan_in, fan_out, kernel_size=4, stride=2, padding=1, output_padding=odd
        )

    def _hidden(self, convolution: nn.Module, name: str, channels: int) -> nn.Module:
        return HiddenLayer(convolution, make_activation(name), channels, spatial=True)

    def _dense(self, widths: Sequence[int], name: str) -> list[nn.Module]:
        return [
            HiddenLayer(nn.Linear(fan_in, fan_out), make_activation(name), fan_out, spatial=False)
            for fan_in, fan_out in pairwise(widths)
        ]

    def _features(self, sizes: Sequence[Size]) -> int:
        return self.channels[-1] * sizes[-1][0] * sizes[-1][1]

    def _sizes(self, spec: DataSpec) -> list[Size]:
        """Returns the size of the image, and after each convolution."""
        if not self.channels:
            raise ValueError(
                "channels=[]: must name at least one convolution; or use backbone=mlp"
            )
        return halved_sizes(spec, len(self.channels), lambda length: length // 2)
