"""What backbones of blocks on several levels share: how bodies are put together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from genrun.components.backbone._down_up import (
    DownPath,
    PathDecoder,
    PathDenoiser,
    PathEncoder,
    UpPath,
    nearly_zero,
)
from genrun.components.backbone._resolution import Size, half_up, halved_sizes
from genrun.core.types import DataSpec


@dataclass(frozen=True)
class Levels(ABC):
    """As many `blocks` at each of `channels`' levels, the first of the image's size.

    Each next level halves the image, rounding up, so any size works.
    """

    channels: Sequence[int]
    blocks: Sequence[int]

    @abstractmethod
    def block(self, level: int, channels_in: int, conditions: int | None) -> nn.Module:
        """See `paths.MakeBlock`."""

    @abstractmethod
    def last(self, channels: int) -> nn.Module:
        """What comes between the last block and the layer that gives the outputs or the image."""

    def build_encoder(self, spec: DataSpec, outputs: int | None) -> nn.Module:
        channels, height, width = self._lowest(spec)
        return PathEncoder(
            self._down(spec, None), self.last(channels), channels * height * width, outputs
        )

    def build_decoder(self, spec: DataSpec, inputs: int | None) -> nn.Module:
        up = self._up(spec, None, joins=False)
        head = nn.Sequential(self.last(up.width), _to_image(up.width, spec))
        return PathDecoder(up, self._lowest(spec), inputs, head)

    def build_denoiser(self, spec: DataSpec, conditions: int) -> nn.Module:
        width = 4 * self.channels[0] if self.channels else 0
        down, up = self._down(spec, width), self._up(spec, width, joins=True)
        head = nn.Sequential(self.last(up.width), nearly_zero(_to_image(up.width, spec)))
        return PathDenoiser(down, up, conditions, width, head)

    def _down(self, spec: DataSpec, conditions: int | None) -> DownPath:
        self._sizes(spec)
        return DownPath(spec, self.channels, self.blocks, self.block, conditions)

    def _up(self, spec: DataSpec, conditions: int | None, joins: bool) -> UpPath:
        sizes = self._sizes(spec)
        return UpPath(sizes, self.channels, self.blocks, self.block, conditions, joins)

    def _lowest(self, spec: DataSpec) -> tuple[int, int, int]:
        return (self.channels[-1], *self._sizes(spec)[-1])

    def _sizes(self, spec: DataSpec) -> list[Size]:
        if not self.channels:
            raise ValueError("channels=[] has no level: use backbone=mlp")
        if len(self.blocks) != len(self.channels):
            raise ValueError(
                f"blocks has {len(self.blocks)} levels and channels {len(self.channels)}"
            )
        return halved_sizes(spec, len(self.channels) - 1, half_up)


def _to_image(channels: int, spec: DataSpec) -> nn.Conv2d:
    return nn.Conv2d(channels, spec.channels, kernel_size=3, padding=1)
