"""Adaptive discriminator augmentation, ADA (Karras et al., 2006.06676)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.regularization._ada_transforms import GatedChanges
from genrun.components.regularization._critic_gradients import refuse_points, refuse_without_critic
from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.protocols.model import Model
from genrun.core.types import DataSpec, Metrics


class AdaptiveAugmentation(nn.Module):
    """Changes of the images, each with probability `p`, which follows the judgements.

    `p` and what it is learned from are buffers, moved on the device like BatchNorm's statistics:
    of several processes rank 0's share of the images counts.
    """

    p: Tensor
    signs: Tensor
    turns: Tensor

    def __init__(self, changes: GatedChanges, settings: AdaptiveAugment) -> None:
        super().__init__()
        self.changes = changes
        self.target = settings.target
        self.interval = settings.interval
        self.images_to_1 = settings.images_to_1
        self.register_buffer("p", torch.tensor(0.0))
        self.register_buffer("signs", torch.tensor(0.0))  # their sum over turns
        self.register_buffer("turns", torch.tensor(0))  # since p moved

    def forward(self, images: Tensor) -> Tensor:
        return self.changes(images, self.p, noise.next_layer_key())

    def observe_logits(self, judged: Tensor) -> Metrics:
        """`judged` (batch,) is positive where a real image was judged to be real.

        After every `interval` turns p takes a step up where the mean sign is above the target,
        and down where it is below (section 3.1, r_t of equation 1).
        """
        share = noise.layer_keys.shard()
        batch = len(judged) * (1 if share is None else share.count)
        step = self.interval * batch / self.images_to_1
        signs = self.signs + judged.sign().mean(dtype=self.signs.dtype)
        turns = self.turns + 1
        due = turns == self.interval
        moved = self.p + step * (signs / self.interval - self.target).sign()
        self.p.copy_(torch.where(due, moved, self.p).clamp(0, 1))
        self.signs.copy_(torch.where(due, 0, signs))
        self.turns.copy_(torch.where(due, 0, turns))
        return {"augment_p": self.p.clone()}


@dataclass(frozen=True)
class AdaptiveAugment:
    """The discriminator sees all images through changes, the more the more it over-fits.

    It over-fits where it judges nearly all training images to be real. Changes that happen with a
    probability below 0.8 or so do not leak into the samples (section 2.2). They are the paper's
    pixel blitting, geometric and color changes, see `GatedChanges` for what is left out.
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
        refuse_without_critic("adaptive_augment", model)
        if getattr(model, "boundary", None) is None:
            raise ConfigError(
                "regularization=adaptive_augment needs a discriminator whose judgement alone says "
                f"whether an image is real (gan, hinge_gan, least_squares_gan); that of "
                f"{type(model).__name__} has no such zero: use regularization=augment"
            )

    def build_input_layer(self, spec: DataSpec) -> nn.Module:
        refuse_points("adaptive_augment", spec)
        return AdaptiveAugmentation(
            GatedChanges(self.blitting, self.geometric, self.color), settings=self
        )
