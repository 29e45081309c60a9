"""The importance-weighted autoencoder (Burda et al., 1509.00519)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from genrun.components.model._variational import VariationalModel, log_weight
from genrun.core.noise import Key
from genrun.core.types import Metrics


@dataclass(frozen=True)
class IWAE(VariationalModel):
    """A VAE trained on the importance-weighted bound of `training_samples` draws.

    With more than one draw it is tighter than the ELBO. The loss is minus equation 8 in nats an
    image; held-out images are evaluated with the same bound of `importance_samples` draws.
    """

    training_samples: int
    monitor = "importance_weighted_bound"

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        draws = self.training_samples
        mean, log_variance = self.posterior(nets, batch)
        weights, reconstructions = log_weight(
            nets["decoder"],
            batch.repeat(draws, 1, 1, 1),
            mean.repeat(draws, 1),
            log_variance.repeat(draws, 1),
            key,
        )
        bound = weights.view(draws, len(batch)).logsumexp(0) - math.log(draws)
        return -bound.mean(), {"reconstruction": reconstructions.mean()}
