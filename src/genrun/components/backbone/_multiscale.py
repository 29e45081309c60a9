"""The base class of backbones that have the same number of blocks at each of several levels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from genrun.components.backbone._down_up import (
    DownPath,
    MultiscaleDecoder,
    MultiscaleDenoiser,
    MultiscaleEncoder,
    UpPath,
    scale_to_near_zero,
)
from genrun.components.backbone._resolution import Size, half_up, halved_sizes
from genrun.core.types import DataSpec


@dataclass(frozen=True)
class MultiscaleBackbone(ABC):
    """A backbone with `blocks[i]` blocks of `channels[i]` channels at level i.

    Level 0 has the image's size; each next one halves it, rounding up, so any size works.
    """

    channels: Sequence[int]
    blocks: Sequence[int]

    @abstractmethod
    def build_block(self, level: int, channels_in: int, conditions: int | None) -> nn.Module:
        """Returns a block, see `_down_up.BuildBlock`."""

    @abstractmethod
    def build_last_layer(self, channels: int) -> nn.Module:
        """Returns the layer between the last block and the output's linear map."""

    def build_encoder(self, spec: DataSpec, outputs: int | None) -> nn.Module:
        channels, height, width = self._lowest(spec)
        return MultiscaleEncoder(
            self._down(spec, None),
            self.build_last_layer(channels),
            channels * height * width,
            outputs,
        )

    def build_decoder(self, spec: DataSpec, inputs: int | None) -> nn.Module:
        up = self._up(spec, None, has_skips=False)
        head = nn.Sequential(
            self.build_last_layer(up.channels_out), _to_image(up.channels_out, spec)
        )
        return MultiscaleDecoder(up, self._lowest(spec), inputs, head)

    def build_denoiser(self, spec: DataSpec, conditions: int) -> nn.Module:
        width = 4 * self.channels[0] if self.channels else 0
        down, up = self._down(spec, width), self._up(spec, width, has_skips=True)
        head = nn.Sequential(
            self.build_last_layer(up.channels_out),
            scale_to_near_zero(_to_image(up.channels_out, spec)),
        )
        return MultiscaleDenoiser(down, up, conditions, width, head)

    def _down(self, spec: DataSpec, conditions: int | None) -> DownPath:
        self._sizes(spec)
        return DownPath(spec, self.channels, self.blocks, self.build_block, conditions)

    def _up(self, spec: DataSpec, conditions: int | None, has_skips: bool) -> UpPath:
        sizes = self._sizes(spec)
        return UpPath(sizes, self.channels, self.blocks, self.build_block, conditions, has_skips)

    def _lowest(self, spec: DataSpec) -> tuple[int, int, int]:
        return (self.channels[-1], *self._sizes(spec)[-1])

    def _sizes(self, spec: DataSpec) -> list[Size]:
        if not self.channels:
            raise ValueError("channels=[]: must name at least one level; or use backbone=mlp")
        if len(self.blocks) != len(self.channels):
            raise ValueError(
                f"blocks has {len(self.blocks)} levels, but channels has {len(self.channels)}"
            )
        return halved_sizes(spec, len(self.channels) - 1, half_up)


def _to_image(channels: int, spec: DataSpec) -> nn.Conv2d:
    return nn.Conv2d(channels, spec.channels, kernel_size=3, padding=1)
