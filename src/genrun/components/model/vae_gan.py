"""The VAE whose likeness is a discriminator's (Larsen et al., 1512.09300)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genrun.components.model._variational import gaussian_kl, kl_layers, kl_term
from genrun.components.model.gan import GAN
from genrun.core import noise
from genrun.core.layers import report_logits, without_input_transforms
from genrun.core.noise import Key
from genrun.core.opponents import opponents_no_grad
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player


class FeatureDiscriminator(nn.Module):
    """Images to judgements (batch, 1); its body's features are what images are compared by."""

    def __init__(self, body: nn.Module, features: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, 1)

    def forward(self, images: Tensor) -> Tensor:
        judged: Tensor = self.head(self.body(images))
        return judged


@dataclass(frozen=True)
class VAEGAN(GAN):
    """Encoder, generator (the paper's decoder) and discriminator, as in its algorithm 1.

    Two images' distance is half the squared one of the discriminator's last hidden features,
    summed over them (equation 7). The encoder minimizes that of an image and its reconstruction
    plus the KL term; the generator `feature_weight` (gamma) times that plus its loss in the game;
    the discriminator tells images from reconstructions and from samples of the prior (section
    2.3). Each player draws noise of its own, and the generator's part of the game is the
    non-saturating one, as `GAN`'s, where the paper has log(1 - D).
    """

    feature_weight: float

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        body = backbone.build_encoder(spec, None)
        with torch.no_grad():
            features = body(torch.zeros(1, *spec.shape)).shape[1]
        return nn.ModuleDict(
            {
                "encoder": backbone.build_encoder(spec, 2 * self.latent_dim),
                "generator": backbone.build_decoder(spec, self.latent_dim),
                "discriminator": FeatureDiscriminator(body, features),
                "kl": kl_layers(),
            }
        )

    def players(self) -> tuple[Player, ...]:
        discriminator, generator = super().players()
        return discriminator, Player("encoder", networks=("encoder",)), generator

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        if player == "encoder":
            mean, log_variance = self.posterior(nets, batch)
            term, kl = kl_term(nets, gaussian_kl(mean, log_variance))
            made = self._decoded(nets, mean, log_variance, key)
            distance = self._feature_distance(nets, batch, made)
            return term + distance, {"kl": kl, "feature_distance": distance}
        with opponents_no_grad():
            posterior = self.posterior(nets, batch)
        if player == "generator":
            made = self._decoded(nets, *posterior, key)
            sampled = self._generate(nets, len(batch), key.fold("prior"), like=batch)
            distance = self._feature_distance(nets, batch, made)
            game = self._fooling(nets, made) + self._fooling(nets, sampled)
            return self.feature_weight * distance + game, {"feature_distance": distance}
        with opponents_no_grad():
            made = self._decoded(nets, *posterior, key)
            sampled = self._generate(nets, len(batch), key.fold("prior"), like=batch)
        real = self.critic_logits(nets, batch)
        fakes = self._logits(nets, made), self._logits(nets, sampled)
        loss = self.discriminator_loss(real, fakes[0]) + softplus(fakes[1]).mean()
        watched = report_logits(nets["discriminator"], real, self.boundary)
        return loss, self.metrics(real, torch.cat(fakes)) | watched

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """What the code says in nats, by dimension too, and the reconstructions' error a pixel."""
        dimension_kl = gaussian_kl(*self.posterior(nets, batch))
        error = (self.reconstruct(nets, batch) - batch).square().flatten(1).mean(1)
        return {"kl": dimension_kl.sum(1), "mse": error, "largest_dimension_kl": dimension_kl}

    def reconstruct(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        mean = self.posterior(nets, images)[0]
        return (torch.tanh(nets["generator"](mean)) + 1) / 2

    def posterior(self, nets: nn.ModuleDict, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of q(z | x), each (batch, latent_dim)."""
        mean, log_variance = nets["encoder"](2 * images - 1).chunk(2, dim=1)
        return mean, log_variance

    def _decoded(
        self, nets: nn.ModuleDict, mean: Tensor, log_variance: Tensor, key: Key
    ) -> Tensor:
        """Images in [-1, 1] of one draw of the posterior each."""
        epsilon = noise.normal(key.fold("posterior"), mean.shape, like=mean)
        return torch.tanh(nets["generator"](mean + (0.5 * log_variance).exp() * epsilon))

    def _feature_distance(self, nets: nn.ModuleDict, images: Tensor, made: Tensor) -> Tensor:
        """Minus log N(features of x | features of what was made, I), without its constant."""
        discriminator = without_input_transforms(nets["discriminator"])  # two images, seen alike
        assert isinstance(discriminator, FeatureDiscriminator)
        with opponents_no_grad():
            wanted = discriminator.body(2 * images - 1)
        difference: Tensor = discriminator.body(made) - wanted
        return 0.5 * difference.square().flatten(1).sum(1).mean()

    def _fooling(self, nets: nn.ModuleDict, made: Tensor) -> Tensor:
        return self.generator_loss(self._logits(nets, made), None)
