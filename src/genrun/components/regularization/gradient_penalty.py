"""The gradient penalty of WGAN-GP (Gulrajani et al., 1704.00028)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from genrun.components.regularization._critic_gradients import (
    check_has_critic,
    generate_batch,
    select_critic,
    squared_gradient_norms,
)
from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.protocols.model import Model
from genrun.core.types import Player

EPSILON = 1e-12  # added to squared norms


@dataclass(frozen=True)
class GradientPenalty:
    """`weight` times the mean of (norm of the critic's gradient - 1)^2 (equation 3).

    The gradient is taken at random points between pairs of real and generated images.
    """

    weight: float

    def check_model(self, model: Model) -> None:
        check_has_critic("gradient_penalty", model)

    def penalty(
        self, model: Model, player: Player, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> Tensor | None:
        if (critic := select_critic(model, player)) is None:
            return None
        generated = generate_batch(model, nets, batch, key)
        position = noise.uniform(key.fold("between"), (len(batch), 1, 1, 1), like=batch)
        norms = squared_gradient_norms(critic, nets, generated.lerp(batch, position))
        # the derivative of the root at 0 is infinite, and a new critic may be constant
        return self.weight * ((norms + EPSILON).sqrt() - 1).square().mean()
