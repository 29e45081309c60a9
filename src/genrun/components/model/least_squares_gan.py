"""GANs with a squared loss (Mao et al., 1611.04076)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.model._adversarial import AdversarialModel
from genrun.core.types import Metrics


@dataclass(frozen=True)
class LeastSquaresGAN(AdversarialModel):
    """The discriminator's target is 1 for real and 0 for generated images, the generator's is 1.

    Equation 9 of the paper: a = 0, b = c = 1.
    """

    boundary = 0.5

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * ((real - 1).square() + fake.square()).mean()

    def generator_loss(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return 0.5 * (fake - 1).square().mean()

    def metrics(self, real: Tensor, fake: Tensor) -> Metrics:
        """Returns the accuracy of the discriminator with a threshold of 1/2."""
        is_right = torch.cat((real - self.boundary, self.boundary - fake)) > 0
        return {"accuracy": is_right.mean(dtype=real.dtype)}
