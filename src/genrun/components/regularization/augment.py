"""Differentiable augmentation, DiffAugment (Zhao et al., 2006.10738)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.regularization._critic_gradients import refuse_points, refuse_without_critic
from genrun.components.regularization._image_warp import pixels, resample
from genrun.core import noise
from genrun.core.protocols.model import Model
from genrun.core.types import DataSpec


class Augmentation(nn.Module):
    """Changes each image by numbers of its own: color, then place, then a square cut out."""

    def __init__(self, color: bool, translation: float, cutout: float) -> None:
        super().__init__()
        self.color = color
        self.translation = translation
        self.cutout = cutout

    def forward(self, images: Tensor) -> Tensor:
        drawn = noise.uniform(noise.next_layer_key(), (len(images), 7), like=images)
        brightness, saturation, contrast, down, right, top, left = drawn.unbind(1)
        if self.color:
            images = colored(images, brightness, saturation, contrast)
        if self.translation > 0:
            images = shifted(images, down, right, self.translation)
        if self.cutout > 0:
            images = images * outside(images, top, left, self.cutout)
        return images


def colored(images: Tensor, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    """Brightness by -1/2 to 1/2, saturation times 0 to 2, contrast times 1/2 to 3/2.

    By numbers in [0, 1), shape (batch,). An image of one channel has no saturation.
    """
    images = images + (brightness - 0.5).view(-1, 1, 1, 1)
    if images.shape[1] > 1:
        grey = images.mean(1, keepdim=True)
        images = grey + 2 * saturation.view(-1, 1, 1, 1) * (images - grey)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (contrast + 0.5).view(-1, 1, 1, 1) * (images - mean)


def shifted(images: Tensor, down: Tensor, right: Tensor, share: float) -> Tensor:
    """By whole pixels, at most `share` of the side each way; where nothing was there is 0."""
    height, width = images.shape[2:]
    rows, columns = (
        pixels(count, images) + _whole(drawn, 2 * most + 1)[:, None] - most
        for drawn, count, most in ((down, height, _share(height, share)),
                                   (right, width, _share(width, share)))
    )  # fmt: skip
    return resample(images, rows, columns)


def outside(images: Tensor, top: Tensor, left: Tensor, share: float) -> Tensor:
    """1, and 0 in a rectangle of `share` of each side around any place: (batch, 1, height, width).

    Where it would reach out of the image it is smaller.
    """
    inside = []
    for drawn, count in ((top, images.shape[2]), (left, images.shape[3])):
        side = _share(count, share)
        first = _whole(drawn, count + 1 - side % 2)[:, None] - side // 2
        place = pixels(count, images)
        inside.append((place >= first) & (place < first + side))
    return 1 - (inside[0][:, None, :, None] & inside[1][:, None, None, :]).to(images.dtype)


def _share(count: int, share: float) -> int:
    """To the nearest pixel, as in the authors' code."""
    return int(count * share + 0.5)


def _whole(drawn: Tensor, count: int) -> Tensor:
    """From [0, 1) to 0, 1, …, count - 1, all alike."""
    return torch.floor(drawn * count).clamp(max=count - 1)  # a product may round up to `count`


@dataclass(frozen=True)
class Augment:
    """The discriminator sees real and generated images through random changes of them.

    As the generator's gradient goes through them too, it learns the images and not the changes
    (section 3.2). All three kinds, each as in the paper, where they are not set to nothing; the
    discriminator's images are in [-1, 1].
    """

    color: bool
    translation: float
    cutout: float

    def __post_init__(self) -> None:
        if not self.color and self.translation == 0 and self.cutout == 0:
            raise ValueError("color=false, translation=0 and cutout=0 leave every image as it is")

    def check_model(self, model: Model) -> None:
        refuse_without_critic("augment", model)

    def build_input_layer(self, spec: DataSpec) -> nn.Module:
        refuse_points("augment", spec)
        return Augmentation(self.color, self.translation, self.cutout)
