"""Adaptive discriminator augmentation, ADA (Karras et al., 2006.06676)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.regularization._ada_transforms import AdaTransforms
from genrun.components.regularization._critic_gradients import check_has_critic, check_images
from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.protocols.model import Model
from genrun.core.types import DataSpec, Metrics


class AdaptiveAugmentation(nn.Module):
    """Transforms images with a probability `p` that adapts to the logits of real images.

    `p` and its statistics are buffers that are updated on the device, like BatchNorm's. With
    several processes those of rank 0, from its part of the images, are used.
    """

    p: Tensor
    signs: Tensor
    turns: Tensor

    def __init__(self, changes: AdaTransforms, settings: AdaptiveAugment) -> None:
        super().__init__()
        self.changes = changes
        self.target = settings.target
        self.interval = settings.interval
        self.images_to_1 = settings.images_to_1
        self.register_buffer("p", torch.tensor(0.0))
        # of the turns since the last update of p: the sum of mean signs, and their number
        self.register_buffer("signs", torch.tensor(0.0))
        self.register_buffer("turns", torch.tensor(0))

    def forward(self, images: Tensor) -> Tensor:
        return self.changes(images, self.p, noise.next_layer_key())

    def observe_logits(self, logits: Tensor) -> Metrics:
        """Updates p from logits (batch,) of real images, positive for images classified as real.

        After every `interval` turns p takes a step up if the mean sign is above the target, and
        down if it is below (section 3.1, r_t of equation 1). Returns p, of shape ().
        """
        shard = noise.layer_keys.shard()
        batch = len(logits) * (1 if shard is None else shard.count)
        step = self.interval * batch / self.images_to_1
        signs = self.signs + logits.sign().mean(dtype=self.signs.dtype)
        turns = self.turns + 1
        due = turns == self.interval
        moved = self.p + step * (signs / self.interval - self.target).sign()
        self.p.copy_(torch.where(due, moved, self.p).clamp(0, 1))
        self.signs.copy_(torch.where(due, 0, signs))
        self.turns.copy_(torch.where(due, 0, turns))
        return {"augment_p": self.p.clone()}


@dataclass(frozen=True)
class AdaptiveAugment:
    """Augments the discriminator's images with a probability that rises as it overfits.

    It overfits if it classifies nearly all training images as real. Transformations with a
    probability below about 0.8 do not leak into the samples (section 2.2). They are the paper's
    pixel blitting, geometric and color transformations, with the differences of `AdaTransforms`.
    """

    target: float
    interval: int
    images_to_1: int
    blitting: bool
    geometric: bool
    color: bool

    def __post_init__(self) -> None:
        if not (self.blitting or self.geometric or self.color):
            raise ValueError("blitting, geometric and color are all false: one must be true")

    def check_model(self, model: Model) -> None:
        check_has_critic("adaptive_augment", model)
        if getattr(model, "boundary", None) is None:
            raise ConfigError(
                "regularization=adaptive_augment needs a discriminator whose logit alone "
                f"classifies an image (model=gan, hinge_gan, least_squares_gan); that of "
                f"{type(model).__name__} has no threshold: use regularization=augment"
            )

    def build_input_layer(self, spec: DataSpec) -> nn.Module:
        check_images("adaptive_augment", spec)
        return AdaptiveAugmentation(
            AdaTransforms(self.blitting, self.geometric, self.color), settings=self
        )
