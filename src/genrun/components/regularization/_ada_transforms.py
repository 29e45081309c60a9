"""The image transformations of ADA (Karras et al., 2006.06676, appendix B)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.regularization._image_warp import pixels, reflect, resample
from genrun.core import noise
from genrun.core.noise import Key

TRANSFORMATIONS = 11
LARGEST_SHIFT = 0.125  # fraction of the side; also the deviation of the fractional shift
SCALE_DEVIATION = 0.2  # of the logarithm to the base 2
BRIGHTNESS_DEVIATION = 0.2
CONTRAST_DEVIATION = 0.5  # of the logarithm to the base 2
SATURATION_DEVIATION = 1.0  # of the logarithm to the base 2


@dataclass(frozen=True)
class AdaTransforms:
    """Applies each transformation to each image with probability p, by a random amount.

    Blitting: flips, quarter turns (half turns if images are not square), shifts by whole pixels.
    Geometric: isotropic and anisotropic scaling, shifts by fractions of a pixel. Color:
    brightness, contrast, luma flip, hue, saturation. The differences from the paper: no rotations
    by other angles, and linear interpolation instead of a wavelet filter.
    """

    blitting: bool
    geometric: bool
    color: bool

    def __call__(self, images: Tensor, p: Tensor, key: Key) -> Tensor:
        """Returns transformed images, (batch, channels, height, width) in [-1, 1]; p is ()."""
        count = len(images)
        chance = noise.uniform(key.fold("whether"), (count, TRANSFORMATIONS), like=images)
        on = (chance < p).to(images.dtype).unbind(1)
        drawn = noise.uniform(key.fold("uniform"), (count, 6), like=images).unbind(1)
        normal = noise.normal(key.fold("normal"), (count, 7), like=images).unbind(1)
        if self.blitting or self.geometric:
            images = self._transform_geometry(images, on[:6], drawn[:4], normal[:4])
        if self.color:
            images = _transform_color(images, on[6:], drawn[4:], normal[4:])
        return images

    def _transform_geometry(
        self,
        images: Tensor,
        on: tuple[Tensor, ...],
        drawn: tuple[Tensor, ...],
        normal: tuple[Tensor, ...],
    ) -> Tensor:
        """Returns images after all geometric transformations, composed into one resampling.

        Except for the transposition each of them is separable into maps of rows and columns.
        `on` are 0 or 1, `drawn` uniform on [0, 1), `normal` standard normal, (batch,) each.
        """
        height, width = images.shape[2:]
        across = down = torch.ones_like(on[0])  # pixels of the input between two of the output
        shifts = [torch.zeros_like(down), torch.zeros_like(down)]
        if self.blitting:
            across = across * (1 - 2 * torch.floor(2 * drawn[0]) * on[0])
            quarters = torch.floor(4 * drawn[1]).clamp(max=3) * on[1]
            if height == width:
                odd = (quarters.remainder(2) == 1).view(-1, 1, 1, 1)
                images = torch.where(odd, images.mT, images)
            else:
                quarters = 2 * torch.floor(quarters / 2)
            # a transposition and one flip are a quarter turn, two flips are a half turn
            down = down * torch.where(quarters >= 2, -1.0, 1.0)
            across = across * torch.where((quarters == 1) | (quarters == 2), -1.0, 1.0)
            for axis, count in enumerate((height, width)):
                fraction = (2 * drawn[2 + axis] - 1) * LARGEST_SHIFT * on[2]
                shifts[axis] = torch.round(fraction * count)
        if self.geometric:
            scale = torch.exp2(SCALE_DEVIATION * normal[0] * on[3])
            anisotropy = torch.exp2(SCALE_DEVIATION * normal[1] * on[4])
            down, across = down / (scale / anisotropy), across / (scale * anisotropy)
            for axis, count in enumerate((height, width)):
                shifts[axis] = shifts[axis] + LARGEST_SHIFT * count * normal[2 + axis] * on[5]
        positions = (
            _source_positions(count, step, shift)
            for count, step, shift in zip((height, width), (down, across), shifts, strict=True)
        )
        return resample(images, *positions)


def _source_positions(count: int, step: Tensor, shift: Tensor) -> Tensor:
    """Returns the input position of each of `count` pixels, (batch, count).

    Scaled about the middle, and mirrored at the borders. `step` and `shift` are (batch,).
    """
    middle = (count - 1) / 2
    moved = pixels(count, step) - middle - shift[:, None]
    return reflect(middle + step[:, None] * moved, count)


def _transform_color(
    images: Tensor,
    on: tuple[Tensor, ...],
    drawn: tuple[Tensor, ...],
    normal: tuple[Tensor, ...],
) -> Tensor:
    """Returns images with other brightness, contrast and luma; of RGB also hue and saturation.

    The luma axis is the mean of the channels; the color is the image minus its luma.
    """

    def per_image(values: Tensor) -> Tensor:
        return values.view(-1, 1, 1, 1)

    images = images + per_image(BRIGHTNESS_DEVIATION * normal[0] * on[0])
    images = images * per_image(torch.exp2(CONTRAST_DEVIATION * normal[1] * on[1]))
    flip = per_image(1 - 2 * torch.floor(2 * drawn[0]) * on[2])
    if images.shape[1] != 3:
        return images * flip
    luma = images.mean(1, keepdim=True)
    color = images - luma
    angle = per_image((2 * drawn[1] - 1) * math.pi * on[3])
    # the cross product of the luma axis and the color
    perpendicular = (color.roll(1, 1) - color.roll(-1, 1)) / math.sqrt(3)
    color = color * angle.cos() + perpendicular * angle.sin()
    return luma * flip + color * per_image(torch.exp2(SATURATION_DEVIATION * normal[2] * on[4]))
