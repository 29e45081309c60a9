"""The variational autoencoder (Kingma and Welling, 1312.6114)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from genrun.components.model._variational import (
    VariationalModel,
    cross_entropy,
    gaussian_kl,
    kl_layers,
    kl_term,
)
from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics


@dataclass(frozen=True)
class VAE(VariationalModel):
    """A VAE whose loss is the negative ELBO in nats an image.

    `kl_weight` is beta of the beta-VAE (Higgins et al., ICLR 2017, openreview.net/forum?id=
    Sy2fzU9gl, equation 4), the weight of the KL term in training. Held-out images are evaluated
    with the ELBO itself.
    """

    kl_weight: float
    monitor = "negative_elbo"

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        nets = super().build_networks(backbone, spec)
        nets["kl"] = kl_layers()
        return nets

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        mean, log_variance = self.posterior(nets, batch)
        epsilon = noise.normal(key, mean.shape, like=mean)
        latent = mean + (0.5 * log_variance).exp() * epsilon
        reconstruction = cross_entropy(nets["decoder"](latent), batch).mean()
        term, kl = kl_term(nets, gaussian_kl(mean, log_variance))
        # multiplying by 1 would cost one more operation a step
        weighted = term if self.kl_weight == 1 else self.kl_weight * term
        return reconstruction + weighted, {"reconstruction": reconstruction, "kl": kl}
