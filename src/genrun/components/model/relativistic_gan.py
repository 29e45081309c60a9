"""The relativistic pairing GAN (Jolicoeur-Martineau, 1807.00734), as in R3GAN (2501.05441)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from genrun.components.model._adversarial import AdversarialModel
from genrun.core.types import Metrics


@dataclass(frozen=True)
class RelativisticGAN(AdversarialModel):
    """Both losses are functions of the difference of logits of a real and a generated image.

    Huang et al. (2501.05441, equation 2) show that it does not drop modes, and that it converges
    with both R1 and R2, which are on by default here; together these are their R3GAN baseline.
    """

    is_relativistic = True
    boundary = None

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real).mean()

    def generator_loss(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None
        return softplus(real - fake).mean()

    def metrics(self, real: Tensor, fake: Tensor) -> Metrics:
        """Returns the fraction of pairs whose real image has the larger logit."""
        return {"accuracy": (real > fake).mean(dtype=real.dtype)}
