"""The common part of generative adversarial networks: two players and their networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from genrun.core import noise
from genrun.core.layers import report_logits
from genrun.core.noise import Key
from genrun.core.opponents import opponents_no_grad
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player


@dataclass(frozen=True)
class AdversarialModel(ABC):
    """A generator and a discriminator; subclasses define what each of them minimizes.

    Each loss draws its own noise. Both networks work on images in [-1, 1].
    """

    latent_dim: int
    discriminator_turns: int
    monitor = "sliced_wasserstein"
    data_range = (-1.0, 1.0)
    critic = "discriminator"
    is_relativistic = False  # whether the generator's loss needs the logits of real images
    boundary: ClassVar[float | None] = 0.0  # logits above it mean real; None: there is no such

    @abstractmethod
    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Returns a loss of shape () from logits of real and generated images, (batch,) each."""

    @abstractmethod
    def generator_loss(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """Returns a loss of shape () from logits of generated images, (batch,).

        `real` are the logits of real images if the model `is_relativistic`, else None.
        """

    def metrics(self, real: Tensor, fake: Tensor) -> Metrics:
        """Returns values of shape () to log with the discriminator's loss."""
        return {"accuracy": (torch.cat((real, -fake)) > 0).mean(dtype=real.dtype)}

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        return nn.ModuleDict(
            {
                "generator": backbone.build_decoder(spec, self.latent_dim),
                "discriminator": backbone.build_encoder(spec, 1),
            }
        )

    def players(self) -> tuple[Player, ...]:
        return (
            Player("discriminator", networks=("discriminator",), turns=self.discriminator_turns),
            Player("generator", networks=("generator",)),
        )

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        if player == "generator":
            real = None
            if self.is_relativistic:
                with opponents_no_grad():
                    real = self.critic_logits(nets, batch)
            fake = self._logits(nets, self._generate(nets, len(batch), key, like=batch))
            return self.generator_loss(fake, real), {}
        with opponents_no_grad():
            generated = self._generate(nets, len(batch), key, like=batch)
        real, fake = self.critic_logits(nets, batch), self._logits(nets, generated)
        layer_metrics = report_logits(nets["discriminator"], real, self.boundary)
        metrics = self.metrics(real.detach(), fake.detach())  # no graph: 1 % of a small step
        return self.discriminator_loss(real, fake), metrics | layer_metrics

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Returns nothing: the losses measure the game's balance, not the quality of samples."""
        return {}

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        like = next(nets["generator"].parameters())
        return (self._generate(nets, count, key, like) + 1) / 2

    def critic_logits(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        return self._logits(nets, 2 * images - 1)

    def _generate(self, nets: nn.ModuleDict, count: int, key: Key, like: Tensor) -> Tensor:
        """Returns images (count, channels, height, width) in [-1, 1]."""
        latent = noise.normal(key, (count, self.latent_dim), like=like)
        return torch.tanh(nets["generator"](latent))

    def _logits(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        """Returns the discriminator's logits of images in [-1, 1], shape (batch,)."""
        logits: Tensor = nets["discriminator"](images)
        return logits.squeeze(1)
