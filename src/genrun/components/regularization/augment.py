"""Differentiable augmentation, DiffAugment (Zhao et al., 2006.10738)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.regularization._critic_gradients import check_has_critic, check_images
from genrun.components.regularization._image_warp import pixels, resample
from genrun.core import noise
from genrun.core.protocols.model import Model
from genrun.core.types import DataSpec


class Augmentation(nn.Module):
    """Changes the color of each image, translates it and cuts out a square, by random amounts."""

    def __init__(self, color: bool, translation: float, cutout: float) -> None:
        super().__init__()
        self.color = color
        self.translation = translation
        self.cutout = cutout

    def forward(self, images: Tensor) -> Tensor:
        drawn = noise.uniform(noise.next_layer_key(), (len(images), 7), like=images)
        brightness, saturation, contrast, down, right, top, left = drawn.unbind(1)
        if self.color:
            images = change_color(images, brightness, saturation, contrast)
        if self.translation > 0:
            images = translate(images, down, right, self.translation)
        if self.cutout > 0:
            images = images * cutout_mask(images, top, left, self.cutout)
        return images


def change_color(
    images: Tensor, brightness: Tensor, saturation: Tensor, contrast: Tensor
) -> Tensor:
    """Returns images with other brightness, saturation and contrast.

    The numbers, (batch,) in [0, 1), stand for brightness plus -1/2 to 1/2, saturation times 0 to
    2, and contrast times 1/2 to 3/2. Images of one channel have no saturation.
    """
    images = images + (brightness - 0.5).view(-1, 1, 1, 1)
    if images.shape[1] > 1:
        grey = images.mean(1, keepdim=True)
        images = grey + 2 * saturation.view(-1, 1, 1, 1) * (images - grey)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (contrast + 0.5).view(-1, 1, 1, 1) * (images - mean)


def translate(images: Tensor, down: Tensor, right: Tensor, fraction: float) -> Tensor:
    """Returns images shifted by whole pixels, at most `fraction` of the side, padded with 0.

    `down` and `right` are (batch,) in [0, 1).
    """
    height, width = images.shape[2:]
    rows, columns = (
        pixels(count, images) + _to_integer(drawn, 2 * largest + 1)[:, None] - largest
        for drawn, count, largest in ((down, height, _pixel_count(height, fraction)),
                                      (right, width, _pixel_count(width, fraction)))
    )  # fmt: skip
    return resample(images, rows, columns)


def cutout_mask(images: Tensor, top: Tensor, left: Tensor, fraction: float) -> Tensor:
    """Returns 0 in a rectangle and 1 elsewhere, (batch, 1, height, width).

    The rectangle has `fraction` of each side and is cropped at the border. `top` and `left`,
    (batch,) in [0, 1), select its centre.
    """
    inside = []
    for drawn, count in ((top, images.shape[2]), (left, images.shape[3])):
        side = _pixel_count(count, fraction)
        first = _to_integer(drawn, count + 1 - side % 2)[:, None] - side // 2
        positions = pixels(count, images)
        inside.append((positions >= first) & (positions < first + side))
    return 1 - (inside[0][:, None, :, None] & inside[1][:, None, None, :]).to(images.dtype)


def _pixel_count(count: int, fraction: float) -> int:
    """Returns a fraction of `count` pixels, rounded as in the authors' code."""
    return int(count * fraction + 0.5)


def _to_integer(drawn: Tensor, count: int) -> Tensor:
    """Returns numbers in [0, 1) as equally likely integers from 0 to count - 1."""
    # the product may be rounded up to `count`
    return torch.floor(drawn * count).clamp(max=count - 1)


@dataclass(frozen=True)
class Augment:
    """Augments all images of the discriminator, real and generated, by random transformations.

    They are differentiable, and the generator's gradient passes them, so that it learns the
    distribution of images and not that of augmented images (section 3.2). The three kinds are the
    paper's; images are in [-1, 1].
    """

    color: bool
    translation: float
    cutout: float

    def __post_init__(self) -> None:
        if not self.color and self.translation == 0 and self.cutout == 0:
            raise ValueError("color=false, translation=0 and cutout=0: at least one must be on")

    def check_model(self, model: Model) -> None:
        check_has_critic("augment", model)

    def build_input_layer(self, spec: DataSpec) -> nn.Module:
        check_images("augment", spec)
        return Augmentation(self.color, self.translation, self.cutout)
