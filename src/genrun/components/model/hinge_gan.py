"""GANs with the hinge loss (Lim and Ye, 1705.02894; Miyato et al., 1802.05957)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu

from genrun.components.model._adversarial import AdversarialModel


@dataclass(frozen=True)
class HingeGAN(AdversarialModel):
    """The discriminator's logits need a margin of 1 on either side of 0.

    The generator maximizes the logits of its images. Equations 16 and 17 of Miyato et al.
    """

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return (relu(1 - real) + relu(1 + fake)).mean()

    def generator_loss(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake.mean()
