"""The changes of images that ADA chooses from (Karras et al., 2006.06676, appendix B)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.regularization._image_warp import pixels, reflected, resample
from genrun.core import noise
from genrun.core.noise import Key

CHANGES = 11
LARGEST_SHIFT = 0.125  # share of the side, also the deviation of the fractional one
SCALE_DEVIATION = 0.2  # of the logarithm to the base 2
BRIGHTNESS_DEVIATION = 0.2
CONTRAST_DEVIATION = 0.5  # of the logarithm to the base 2
SATURATION_DEVIATION = 1.0  # of the logarithm to the base 2


@dataclass(frozen=True)
class GatedChanges:
    """Each change happens to an image with probability p, by an amount that is drawn for it.

    Blitting: flips, quarter turns (half turns where an image is not square), shifts by whole
    pixels. Geometric: scaling, of both sides and against each other, shifts by parts of a pixel.
    Color: brightness, contrast, luma flip, hue, saturation. Left out of the paper's set are
    rotations by other angles; between pixels it is linear where they filter.
    """

    blitting: bool
    geometric: bool
    color: bool

    def __call__(self, images: Tensor, p: Tensor, key: Key) -> Tensor:
        """Images (batch, channels, height, width) around 0; p of shape ()."""
        count = len(images)
        chance = noise.uniform(key.fold("whether"), (count, CHANGES), like=images)
        on = (chance < p).to(images.dtype).unbind(1)
        drawn = noise.uniform(key.fold("uniform"), (count, 6), like=images).unbind(1)
        normal = noise.normal(key.fold("normal"), (count, 7), like=images).unbind(1)
        if self.blitting or self.geometric:
            images = self._moved(images, on[:6], drawn[:4], normal[:4])
        if self.color:
            images = _colored(images, on[6:], drawn[4:], normal[4:])
        return images

    def _moved(
        self,
        images: Tensor,
        on: tuple[Tensor, ...],
        drawn: tuple[Tensor, ...],
        normal: tuple[Tensor, ...],
    ) -> Tensor:
        """Every change of place but the transposition is one of either axis, so all go at once."""
        height, width = images.shape[2:]
        across = down = torch.ones_like(on[0])  # from a pixel to the next, in pixels of the image
        shifts = [torch.zeros_like(down), torch.zeros_like(down)]
        if self.blitting:
            across = across * (1 - 2 * torch.floor(2 * drawn[0]) * on[0])
            quarters = torch.floor(4 * drawn[1]).clamp(max=3) * on[1]
            if height == width:
                odd = (quarters.remainder(2) == 1).view(-1, 1, 1, 1)
                images = torch.where(odd, images.mT, images)
            else:
                quarters = 2 * torch.floor(quarters / 2)
            # a transposition and a flip are a quarter turn; two flips are two
            down = down * torch.where(quarters >= 2, -1.0, 1.0)
            across = across * torch.where((quarters == 1) | (quarters == 2), -1.0, 1.0)
            for axis, count in enumerate((height, width)):
                share = (2 * drawn[2 + axis] - 1) * LARGEST_SHIFT * on[2]
                shifts[axis] = torch.round(share * count)
        if self.geometric:
            scale = torch.exp2(SCALE_DEVIATION * normal[0] * on[3])
            against = torch.exp2(SCALE_DEVIATION * normal[1] * on[4])
            down, across = down / (scale / against), across / (scale * against)
            for axis, count in enumerate((height, width)):
                shifts[axis] = shifts[axis] + LARGEST_SHIFT * count * normal[2 + axis] * on[5]
        places = (
            _places(count, step, shift)
            for count, step, shift in zip((height, width), (down, across), shifts, strict=True)
        )
        return resample(images, *places)


def _places(count: int, step: Tensor, shift: Tensor) -> Tensor:
    """Where each of `count` pixels is read, (batch, count): scaled about the middle, mirrored."""
    middle = (count - 1) / 2
    moved = pixels(count, step) - middle - shift[:, None]
    return reflected(middle + step[:, None] * moved, count)


def _colored(
    images: Tensor,
    on: tuple[Tensor, ...],
    drawn: tuple[Tensor, ...],
    normal: tuple[Tensor, ...],
) -> Tensor:
    """Brightness, contrast, luma flip, and hue and saturation where there are three channels.

    The grey axis is the mean of the channels, and an image minus that its color.
    """

    def one_each(values: Tensor) -> Tensor:
        return values.view(-1, 1, 1, 1)

    images = images + one_each(BRIGHTNESS_DEVIATION * normal[0] * on[0])
    images = images * one_each(torch.exp2(CONTRAST_DEVIATION * normal[1] * on[1]))
    flip = one_each(1 - 2 * torch.floor(2 * drawn[0]) * on[2])
    if images.shape[1] != 3:
        return images * flip
    grey = images.mean(1, keepdim=True)
    color = images - grey
    angle = one_each((2 * drawn[1] - 1) * math.pi * on[3])
    turned = (color.roll(1, 1) - color.roll(-1, 1)) / math.sqrt(3)  # axis x color
    color = color * angle.cos() + turned * angle.sin()
    return grey * flip + color * one_each(torch.exp2(SATURATION_DEVIATION * normal[2] * on[4]))
