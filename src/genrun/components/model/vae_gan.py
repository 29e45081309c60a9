"""The VAE-GAN: a VAE with a learned similarity metric (Larsen et al., 1512.09300)."""

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
    """Logits (batch, 1) of images; the features of its body compare two images."""

    def __init__(self, body: nn.Module, features: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, 1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(images))
        return logits


@dataclass(frozen=True)
class VAEGAN(GAN):
    """Encoder, generator (the paper's decoder) and discriminator, as in algorithm 1 of the paper.

    The feature distance of two images is half the squared distance of the discriminator's last
    hidden features (equation 7). The encoder minimizes the feature distance of an image and its
    reconstruction plus the KL term; the generator `feature_weight` (gamma) times that distance
    plus its adversarial loss; the discriminator separates images from reconstructions and from
    samples of the prior (section 2.3). Each player draws its own noise. The generator's
    adversarial loss is the non-saturating one of `GAN` in place of the paper's log(1 - D).
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
            reconstructed = self._decode(nets, mean, log_variance, key)
            distance = self._feature_distance(nets, batch, reconstructed)
            return term + distance, {"kl": kl, "feature_distance": distance}
        with opponents_no_grad():
            posterior = self.posterior(nets, batch)
        if player == "generator":
            reconstructed = self._decode(nets, *posterior, key)
            sampled = self._generate(nets, len(batch), key.fold("prior"), like=batch)
            distance = self._feature_distance(nets, batch, reconstructed)
            adversarial = self._adversarial_loss(nets, reconstructed) + self._adversarial_loss(
                nets, sampled
            )
            return self.feature_weight * distance + adversarial, {"feature_distance": distance}
        with opponents_no_grad():
            reconstructed = self._decode(nets, *posterior, key)
            sampled = self._generate(nets, len(batch), key.fold("prior"), like=batch)
        real = self.critic_logits(nets, batch)
        fakes = self._logits(nets, reconstructed), self._logits(nets, sampled)
        loss = self.discriminator_loss(real, fakes[0]) + softplus(fakes[1]).mean()
        layer_metrics = report_logits(nets["discriminator"], real, self.boundary)
        return loss, self.metrics(real, torch.cat(fakes)) | layer_metrics

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Returns the KL in nats and the reconstructions' squared error a pixel, (batch,) each.

        Also `largest_dimension_kl`, (batch, latent_dim), of which the largest mean is reported.
        """
        dimension_kl = gaussian_kl(*self.posterior(nets, batch))
        error = (self.reconstruct(nets, batch) - batch).square().flatten(1).mean(1)
        return {"kl": dimension_kl.sum(1), "mse": error, "largest_dimension_kl": dimension_kl}

    def reconstruct(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        mean = self.posterior(nets, images)[0]
        return (torch.tanh(nets["generator"](mean)) + 1) / 2

    def posterior(self, nets: nn.ModuleDict, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and log-variance of q(z | x), (batch, latent_dim) each."""
        mean, log_variance = nets["encoder"](2 * images - 1).chunk(2, dim=1)
        return mean, log_variance

    def _decode(self, nets: nn.ModuleDict, mean: Tensor, log_variance: Tensor, key: Key) -> Tensor:
        """Returns images in [-1, 1], each from one draw of its posterior."""
        epsilon = noise.normal(key.fold("posterior"), mean.shape, like=mean)
        return torch.tanh(nets["generator"](mean + (0.5 * log_variance).exp() * epsilon))

    def _feature_distance(
        self, nets: nn.ModuleDict, images: Tensor, reconstructed: Tensor
    ) -> Tensor:
        """Returns the mean of -log N(features of an image | those of its reconstruction, I).

        Of shape (), without the constant. `images` are in [0, 1], `reconstructed` in [-1, 1].
        """
        # without random input transforms, which would differ between the two
        discriminator = without_input_transforms(nets["discriminator"])
        assert isinstance(discriminator, FeatureDiscriminator)
        with opponents_no_grad():
            target = discriminator.body(2 * images - 1)
        difference: Tensor = discriminator.body(reconstructed) - target
        return 0.5 * difference.square().flatten(1).sum(1).mean()

    def _adversarial_loss(self, nets: nn.ModuleDict, fake: Tensor) -> Tensor:
        return self.generator_loss(self._logits(nets, fake), None)
