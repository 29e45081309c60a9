"""Networks over several resolutions, built from any kind of block.

Level 0 has the image's size; each next level has half of it and usually more channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from genrun.components.backbone._resolution import Size, Upsample
from genrun.core.types import DataSpec

BuildBlock = Callable[[int, int, int | None], nn.Module]
"""From the level, the input's channels and the width of the condition (None: no condition) to a
block. The block is called with features and the condition or None; its output has the level's
channels."""


class DownPath(nn.Module):
    """From images, and a condition or None, to the features of each level, level 0 first."""

    def __init__(
        self,
        spec: DataSpec,
        channels: Sequence[int],
        blocks: Sequence[int],
        build_block: BuildBlock,
        conditions: int | None,
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(spec.channels, channels[0], kernel_size=3, padding=1)
        self.levels = nn.ModuleList(
            nn.ModuleList(build_block(level, width, conditions) for _ in range(blocks[level]))
            for level, width in enumerate(channels)
        )
        self.downs = nn.ModuleList(
            nn.Conv2d(above, below, kernel_size=3, stride=2, padding=1)
            for above, below in pairwise(channels)
        )

    def forward(self, images: Tensor, condition: Tensor | None) -> list[Tensor]:
        features, outputs = self.stem(images), []
        for level, blocks in enumerate(self.levels):
            assert isinstance(blocks, nn.ModuleList)
            if level > 0:
                features = self.downs[level - 1](features)
            for block in blocks:
                features = block(features, condition)
            outputs.append(features)
        return outputs


class UpPath(nn.Module):
    """From the lowest level's features to those of level 0, with `channels_out` channels.

    It also takes the features of each level of a `DownPath` as skip connections, or [] unless
    `has_skips`, and a condition or None.
    """

    channels_out: int

    def __init__(
        self,
        sizes: Sequence[Size],
        channels: Sequence[int],
        blocks: Sequence[int],
        build_block: BuildBlock,
        conditions: int | None,
        has_skips: bool,
    ) -> None:
        super().__init__()
        lowest = len(channels) - 1
        self.levels = nn.ModuleList()
        self.ups = nn.ModuleList()
        for level in range(lowest, -1, -1):
            width = channels[level]
            channels_in = 2 * width if has_skips and level < lowest else width
            widths = [channels_in, *[width] * blocks[level]][: blocks[level]]
            self.levels.append(nn.ModuleList(build_block(level, w, conditions) for w in widths))
            self.channels_out = width if widths else channels_in
            if level > 0:
                self.ups.append(Upsample(self.channels_out, channels[level - 1], sizes[level - 1]))

    def forward(
        self, features: Tensor, skips: Sequence[Tensor], condition: Tensor | None
    ) -> Tensor:
        for index, blocks in enumerate(self.levels):
            assert isinstance(blocks, nn.ModuleList)
            if index > 0:
                features = self.ups[index - 1](features)
                if skips:
                    features = torch.cat((features, skips[-1 - index]), dim=1)
            for block in blocks:
                features = block(features, condition)
        return features


class MultiscaleEncoder(nn.Module):
    """From images to (batch, outputs), or to the lowest level's features, flattened."""

    def __init__(
        self, down: DownPath, last: nn.Module, features: int, outputs: int | None
    ) -> None:
        super().__init__()
        self.down = down
        self.last = last
        self.head = nn.Identity() if outputs is None else nn.Linear(features, outputs)

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.last(self.down(images, None)[-1]).flatten(1))
        return outputs


class MultiscaleDecoder(nn.Module):
    """From (batch, inputs), or from the lowest level's features, to image logits."""

    def __init__(
        self, up: UpPath, lowest: tuple[int, int, int], inputs: int | None, head: nn.Module
    ) -> None:
        super().__init__()
        features = lowest[0] * lowest[1] * lowest[2]
        self.stem = nn.Identity() if inputs is None else nn.Linear(inputs, features)
        self.lowest = lowest  # (channels, height, width)
        self.up = up
        self.head = head

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.stem(inputs).view(-1, *self.lowest)
        images: Tensor = self.head(self.up(features, [], None))
        return images


class MultiscaleDenoiser(nn.Module):
    """From images and a condition to values of the images' shape, with skip connections (U-Net).

    Two layers embed the condition in `width` dimensions, as in DDPM (2006.11239, appendix B).
    """

    def __init__(
        self, down: DownPath, up: UpPath, conditions: int, width: int, head: nn.Module
    ) -> None:
        super().__init__()
        self.embedding = nn.Sequential(
            nn.Linear(conditions, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.down = down
        self.up = up
        self.head = head

    def forward(self, images: Tensor, condition: Tensor) -> Tensor:
        embedded = self.embedding(condition)
        skips = self.down(images, embedded)
        outputs: Tensor = self.head(self.up(skips[-1], skips, embedded))
        return outputs


NEAR_ZERO = 1e-5


def scale_to_near_zero(layer: nn.Conv2d) -> nn.Conv2d:
    """Scales the initial weights so that a residual block starts as its shortcut; returns `layer`.

    Fixup (1901.09321) sets them to zero, which spectral normalization would divide by.
    """
    with torch.no_grad():
        layer.weight.mul_(NEAR_ZERO)
        if layer.bias is not None:
            layer.bias.zero_()
    return layer
