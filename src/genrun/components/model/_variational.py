"""The common part of variational autoencoders (Kingma and Welling, 1312.6114)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player

# printed with such likelihoods
BERNOULLI_NOTE = (
    "of a Bernoulli decoder: right for pixels that are black or white; grey levels are taken as "
    "probabilities, which cannot be compared with a likelihood of 256 levels"
)


@dataclass(frozen=True)
class VariationalModel(ABC):
    """Gaussian encoder and Bernoulli decoder; subclasses define the bound that is trained.

    Grey levels are taken as probabilities, so the reconstruction term is a cross-entropy whose
    minimum is above 0. `importance_samples` is k of the importance-weighted bound (Burda et al.,
    1509.00519, equation 8) on held-out images.
    """

    latent_dim: int
    importance_samples: int
    data_range = (0.0, 1.0)
    likelihood_note = BERNOULLI_NOTE

    @abstractmethod
    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        """Returns minus a bound on the log-likelihood, in nats an image, and values to log."""

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        if spec.points:
            raise ConfigError(
                f"model: {type(self).__name__} takes each value for the probability of a pixel, "
                "which a coordinate is not; for points use e.g. model=gan or model=autoencoder"
            )
        return nn.ModuleDict(
            {
                "encoder": backbone.build_encoder(spec, 2 * self.latent_dim),
                "decoder": backbone.build_decoder(spec, self.latent_dim),
            }
        )

    def players(self) -> tuple[Player, ...]:
        return (Player("vae", networks=("encoder", "decoder")),)

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Returns the ELBO, the importance-weighted bound and their parts in nats, (batch,) each.

        Also `largest_dimension_kl`, (batch, latent_dim), of which the largest mean over images is
        reported: near 0 the posterior has collapsed to the prior, and the decoder ignores the
        code.
        """
        mean, log_variance = self.posterior(nets, batch)
        dimension_kl = gaussian_kl(mean, log_variance)
        kl = dimension_kl.sum(1)
        log_weights, reconstructions = [], []
        for index in range(self.importance_samples):
            weight, reconstruction = log_weight(
                nets["decoder"], batch, mean, log_variance, key.fold(index)
            )
            log_weights.append(weight)
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

    def negative_log_likelihood(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Returns two upper bounds of -log p in nats, (batch,) each."""
        values = self.evaluate(nets, batch, key)
        return {name: values[name] for name in ("importance_weighted_bound", "negative_elbo")}

    def reconstruct(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        return torch.sigmoid(nets["decoder"](self.posterior(nets, images)[0]))

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        like = next(nets["decoder"].parameters())
        return torch.sigmoid(
            nets["decoder"](noise.normal(key, (count, self.latent_dim), like=like))
        )

    def posterior(self, nets: nn.ModuleDict, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and log-variance of q(z | x), (batch, latent_dim) each."""
        mean, log_variance = nets["encoder"](images).chunk(2, dim=1)
        return mean, log_variance


def log_weight(
    decoder: nn.Module, images: Tensor, mean: Tensor, log_variance: Tensor, key: Key
) -> tuple[Tensor, Tensor]:
    """Returns log p(x, z) - log q(z | x) and -log p(x | z), (batch,) each, for one z an image.

    `mean` and `log_variance` are (batch, latent_dim).
    """
    epsilon = noise.normal(key, mean.shape, like=mean)
    latent = mean + (0.5 * log_variance).exp() * epsilon
    reconstruction = cross_entropy(decoder(latent), images)
    # the constants of the two Gaussians cancel
    ratio = 0.5 * (epsilon.square() + log_variance - latent.square()).sum(1)
    return ratio - reconstruction, reconstruction


def cross_entropy(logits: Tensor, images: Tensor) -> Tensor:
    """Returns -log p(x | z) in nats, (batch,), of logits and images of the same shape."""
    pixels = binary_cross_entropy_with_logits(logits, images, reduction="none")
    return pixels.sum((1, 2, 3))


def kl_layers() -> nn.Sequential:
    """Returns the network `kl` of a model with a KL term, to which regularizations add layers."""
    return nn.Sequential()


def kl_term(nets: nn.ModuleDict, dimension_kl: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the KL term to train on, changed by the layers of `kl`, and the KL itself.

    Both are of shape (), in nats an image; `dimension_kl` is (batch, latent_dim).
    """
    kl = dimension_kl.sum(1).mean()
    regularized = nets["kl"](dimension_kl)  # the same tensor if there are no layers
    return kl if regularized is dimension_kl else regularized.sum(1).mean(), kl


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Returns KL(q(z | x) || N(0, I)) in nats by latent dimension, (batch, latent_dim).

    Kingma and Welling, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
