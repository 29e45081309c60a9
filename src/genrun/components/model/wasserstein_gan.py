"""Wasserstein GANs (Arjovsky et al., 1701.07875; Gulrajani et al., 1704.00028)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from genrun.components.model._adversarial import AdversarialModel
from genrun.core.types import Metrics


@dataclass(frozen=True)
class WassersteinGAN(AdversarialModel):
    """The critic estimates the Wasserstein-1 distance if a regularization keeps it 1-Lipschitz.

    That is `regularization=gradient_penalty` (the default here, from the second paper) or
    `weight_clip` (from the first). The logged `distance` is the estimate, up to the Lipschitz
    constant.
    """

    boundary = None

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator_loss(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake.mean()

    def metrics(self, real: Tensor, fake: Tensor) -> Metrics:
        """Returns the estimated distance; logits have no threshold for an accuracy."""
        return {"distance": real.mean() - fake.mean()}
