"""The adversarial game with squared errors (Mao et al., 1611.04076)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.model._adversarial import AdversarialModel
from genrun.core.types import Metrics


@dataclass(frozen=True)
class LeastSquaresGAN(AdversarialModel):
    """Judgements are drawn to 1 at real and 0 at generated images, and the generator's to 1.

    Equation 9 of the paper: a = 0, b = c = 1.
    """

    boundary = 0.5

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * ((real - 1).square() + fake.square()).mean()

    def generator_loss(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return 0.5 * (fake - 1).square().mean()

    def metrics(self, real: Tensor, fake: Tensor) -> Metrics:
        """An image is told rightly on its side of 1/2."""
        right = torch.cat((real - self.boundary, self.boundary - fake)) > 0
        return {"accuracy": right.mean(dtype=real.dtype)}
