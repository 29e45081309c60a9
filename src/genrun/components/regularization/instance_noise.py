"""Instance noise (Sønderby et al., 1610.04490, section 3.2; Arjovsky and Bottou, 1701.04862)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.regularization._critic_gradients import refuse_without_critic
from genrun.core import noise
from genrun.core.protocols.model import Model
from genrun.core.types import DataSpec


class AnnealedNoise(nn.Module):
    """Adds Gaussian noise whose deviation falls from `std` to 0 in `anneal_steps` steps."""

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
    """The discriminator sees real and generated images through noise, annealed linearly.

    The two distributions so overlap as long as there is noise. It sees images in [-1, 1].
    """

    std: float
    anneal_steps: int

    def check_model(self, model: Model) -> None:
        refuse_without_critic("instance_noise", model)

    def build_input_layer(self, spec: DataSpec) -> nn.Module:
        return AnnealedNoise(self.std, self.anneal_steps)
