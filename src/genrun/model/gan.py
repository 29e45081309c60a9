"""Generative adversarial networks (Goodfellow et al., 1406.2661)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.protocols import Backbone
from genrun.core.types import DataSpec, Metrics, Player


@dataclass(frozen=True)
class GAN:
    """Generator against discriminator, with the non-saturating loss on logits.

    The discriminator minimizes the cross-entropy of real (target `real_target`) against
    generated (target 0); the generator minimizes -log D(G(z)), not log(1 - D(G(z))), whose
    gradient vanishes where the discriminator is sure (section 3 of the paper). Each loss draws
    its own noise.
    """

    latent_dim: int
    discriminator_turns: int
    real_target: float
    monitor = "sliced_wasserstein"
    critic = "discriminator"

    def networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        return nn.ModuleDict(
            {
                "generator": backbone.decoder(spec, self.latent_dim),
                "discriminator": backbone.encoder(spec, 1),
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
            fake = _logits(nets, self._generate(nets, len(batch), key, like=batch))
            return softplus(-fake).mean(), {}
        with torch.no_grad():
            generated = self._generate(nets, len(batch), key, like=batch)
        real, fake = self.judge(nets, batch), _logits(nets, generated)
        # cross-entropy with target t on a logit l: softplus(-l) + (1 - t) l
        loss_real = softplus(-real)
        if self.real_target < 1:
            loss_real = loss_real + (1 - self.real_target) * real
        accuracy = (torch.cat((real, -fake)) > 0).mean(dtype=batch.dtype)
        return (loss_real + softplus(fake)).mean(), {"accuracy": accuracy}

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Nothing: a GAN's losses say how the players stand, not how good the samples are."""
        return {}

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        like = next(nets["generator"].parameters())
        return (self._generate(nets, count, key, like) + 1) / 2

    def judge(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        return _logits(nets, 2 * images - 1)

    def _generate(self, nets: nn.ModuleDict, count: int, key: Key, like: Tensor) -> Tensor:
        """Images in [-1, 1], the range that both networks work in."""
        latent = noise.normal(key, (count, self.latent_dim), like=like)
        return torch.tanh(nets["generator"](latent))


def _logits(nets: nn.ModuleDict, images: Tensor) -> Tensor:
    """The discriminator's judgement of images in [-1, 1], shape (batch,)."""
    logits: Tensor = nets["discriminator"](images)
    return logits.squeeze(1)
