"""Generative adversarial networks (Goodfellow et al., 1406.2661)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from genrun.components.model._adversarial import AdversarialModel


@dataclass(frozen=True)
class GAN(AdversarialModel):
    """The GAN with the non-saturating loss, on logits.

    The discriminator minimizes the cross-entropy of real images (target `real_target`) and
    generated ones (target 0). The generator minimizes -log D(G(z)) instead of log(1 - D(G(z))),
    whose gradient vanishes if the discriminator is confident (section 3 of the paper).
    """

    real_target: float

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        # cross-entropy with target t on a logit l: softplus(-l) + (1 - t) l
        loss_real = softplus(-real)
        if self.real_target < 1:
            loss_real = loss_real + (1 - self.real_target) * real
        return (loss_real + softplus(fake)).mean()

    def generator_loss(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return softplus(-fake).mean()
