"""The variational autoencoder (Kingma and Welling, 1312.6114)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.protocols import Backbone
from genrun.core.types import DataSpec, Metrics, Player


@dataclass(frozen=True)
class VAE:
    """Gaussian encoder, Bernoulli decoder; the loss is the negative ELBO in nats an image.

    Grey levels are taken as probabilities, so the reconstruction term is a cross-entropy that
    does not reach 0. `importance_samples` is k of the importance-weighted bound (Burda et al.,
    1509.00519, equation 8), which is computed on held-out images only. `kl_weight` is beta of the
    beta-VAE (Higgins et al., ICLR 2017, openreview.net/forum?id=Sy2fzU9gl, equation 4): it weighs
    the KL term in training; what is measured on held-out images is the ELBO itself.
    """

    latent_dim: int
    importance_samples: int
    kl_weight: float
    monitor = "negative_elbo"

    def networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        return nn.ModuleDict(
            {
                "encoder": backbone.encoder(spec, 2 * self.latent_dim),
                "decoder": backbone.decoder(spec, self.latent_dim),
            }
        )

    def players(self) -> tuple[Player, ...]:
        return (Player("vae", networks=("encoder", "decoder")),)

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        mean, log_variance = self._posterior(nets, batch)
        epsilon = noise.normal(key, mean.shape, like=mean)
        latent = mean + (0.5 * log_variance).exp() * epsilon
        reconstruction = _cross_entropy(nets["decoder"](latent), batch).mean()
        kl = _kl(mean, log_variance).sum(1).mean()
        # times 1 would be one more operation a step
        weighted = kl if self.kl_weight == 1 else self.kl_weight * kl
        return reconstruction + weighted, {"reconstruction": reconstruction, "kl": kl}

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Both bounds and their parts in nats an image, and `largest_dimension_kl`.

        That is the mean KL of the latent dimension that says most of the images: near 0 the
        posterior has collapsed to the prior, and the decoder ignores the code.
        """
        mean, log_variance = self._posterior(nets, batch)
        dimension_kl = _kl(mean, log_variance)
        kl = dimension_kl.sum(1)
        log_weights, reconstructions = [], []
        for index in range(self.importance_samples):
            epsilon = noise.normal(key.fold(index), mean.shape, like=mean)
            latent = mean + (0.5 * log_variance).exp() * epsilon
            reconstruction = _cross_entropy(nets["decoder"](latent), batch)
            # log p(x, z) - log q(z | x); the constants of the two Gaussians cancel
            ratio = 0.5 * (epsilon.square() + log_variance - latent.square()).sum(1)
            log_weights.append(ratio - reconstruction)
            reconstructions.append(reconstruction)
        bound = torch.stack(log_weights).logsumexp(0) - math.log(self.importance_samples)
        expected = torch.stack(reconstructions).mean(0)
        return {
            "negative_elbo": expected + kl,
            "reconstruction": expected,
            "kl": kl,
            "importance_weighted_bound": -bound,
            "largest_dimension_kl": dimension_kl,
        }

    def reconstruct(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        return torch.sigmoid(nets["decoder"](self._posterior(nets, images)[0]))

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        like = next(nets["decoder"].parameters())
        return torch.sigmoid(
            nets["decoder"](noise.normal(key, (count, self.latent_dim), like=like))
        )

    def _posterior(self, nets: nn.ModuleDict, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of q(z | x), each (batch, latent_dim)."""
        mean, log_variance = nets["encoder"](images).chunk(2, dim=1)
        return mean, log_variance


def _cross_entropy(logits: Tensor, images: Tensor) -> Tensor:
    """-log p(x | z) in nats, shape (batch,)."""
    pixels = binary_cross_entropy_with_logits(logits, images, reduction="none")
    return pixels.sum((1, 2, 3))


def _kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(q(z | x) || N(0, I)) in nats by latent dimension, shape (batch, latent_dim).

    Kingma and Welling, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
