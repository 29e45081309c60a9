"""The way down to small images with many channels and up again, of any kind of blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from genrun.components.backbone._resolution import Size, Up
from genrun.core.types import DataSpec

MakeBlock = Callable[[int, int, int | None], nn.Module]
"""From the level (0: the image's size), channels in and width of the condition (None: there is
none) to a block, called with features and a condition or None. It gives the level's channels."""


class DownPath(nn.Module):
    """Images, and a condition or None, to the features of each level, the image's size first."""

    def __init__(
        self,
        spec: DataSpec,
        channels: Sequence[int],
        blocks: Sequence[int],
        make: MakeBlock,
        conditions: int | None,
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(spec.channels, channels[0], kernel_size=3, padding=1)
        self.levels = nn.ModuleList(
            nn.ModuleList(make(level, width, conditions) for _ in range(blocks[level]))
            for level, width in enumerate(channels)
        )
        self.downs = nn.ModuleList(
            nn.Conv2d(above, below, kernel_size=3, stride=2, padding=1)
            for above, below in pairwise(channels)
        )

    def forward(self, images: Tensor, condition: Tensor | None) -> list[Tensor]:
        features, kept = self.stem(images), []
        for level, blocks in enumerate(self.levels):
            assert isinstance(blocks, nn.ModuleList)
            if level > 0:
                features = self.downs[level - 1](features)
            for block in blocks:
                features = block(features, condition)
            kept.append(features)
        return kept


class UpPath(nn.Module):
    """The lowest level's features, what the way down kept or [], and a condition, to level 0's.

    Those have `width` channels.
    """

    width: int

    def __init__(
        self,
        sizes: Sequence[Size],
        channels: Sequence[int],
        blocks: Sequence[int],
        make: MakeBlock,
        conditions: int | None,
        joins: bool,
    ) -> None:
        super().__init__()
        lowest = len(channels) - 1
        self.levels = nn.ModuleList()
        self.ups = nn.ModuleList()
        for level in range(lowest, -1, -1):
            width = channels[level]
            joined = 2 * width if joins and level < lowest else width
            widths = [joined, *[width] * blocks[level]][: blocks[level]]
            self.levels.append(nn.ModuleList(make(level, w, conditions) for w in widths))
            self.width = width if widths else joined
            if level > 0:
                self.ups.append(Up(self.width, channels[level - 1], sizes[level - 1]))

    def forward(
        self, features: Tensor, kept: Sequence[Tensor], condition: Tensor | None
    ) -> Tensor:
        for index, blocks in enumerate(self.levels):
            assert isinstance(blocks, nn.ModuleList)
            if index > 0:
                features = self.ups[index - 1](features)
                if kept:
                    features = torch.cat((features, kept[-1 - index]), dim=1)
            for block in blocks:
                features = block(features, condition)
        return features


class PathEncoder(nn.Module):
    """Images to (batch, outputs); with `outputs=None` the lowest level's features, flat."""

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


class PathDecoder(nn.Module):
    """(batch, inputs) to image logits; with `inputs=None` it takes the lowest level's features."""

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


class PathDenoiser(nn.Module):
    """Images and a condition to values of the images' shape, the levels joined (U-Net).

    The condition becomes a vector of `width` in two layers, as in DDPM (2006.11239, appendix B).
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
        kept = self.down(images, embedded)
        outputs: Tensor = self.head(self.up(kept[-1], kept, embedded))
        return outputs


NEARLY_ZERO = 1e-5


def nearly_zero(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with weights that a block begins as its shortcut with.

    Not zero itself (Fixup, 1901.09321), which spectral normalization would divide by.
    """
    with torch.no_grad():
        layer.weight.mul_(NEARLY_ZERO)
        if layer.bias is not None:
            layer.bias.zero_()
    return layer
