"""Instance noise (Sønderby et al., 1610.04490, section 3.2; Arjovsky and Bottou, 1701.04862)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.regularization._critic_gradients import check_has_critic
from genrun.core import noise
from genrun.core.protocols.model import Model
from genrun.core.types import DataSpec


class AnnealedNoise(nn.Module):
    """Adds Gaussian noise whose deviation falls linearly from `std` to 0 in `anneal_steps`."""

    current: Tensor

    def __init__(self, std: float, anneal_steps: int) -> None:
        super().__init__()
        self.std = std
        self.anneal_steps = anneal_steps
        self.register_buffer("current", torch.tensor(std), persistent=False)

    def begin_step(self, step: int) -> None:
        self.current.fill_(self.std * max(0.0, 1 - (step - 1) / self.anneal_steps))

    def forward(self, images: Tensor) -> Tensor:
        drawn = noise.normal(noise.next_layer_key(), images.shape, like=images)
        return images + self.current * drawn


@dataclass(frozen=True)
class InstanceNoise:
    """Adds noise to all images of the discriminator, real and generated, in [-1, 1].

    While there is noise the two distributions overlap. It is annealed linearly.
    """

    std: float
    anneal_steps: int

    def check_model(self, model: Model) -> None:
        check_has_critic("instance_noise", model)

    def build_input_layer(self, spec: DataSpec) -> nn.Module:
        return AnnealedNoise(self.std, self.anneal_steps)
