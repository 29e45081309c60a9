"""The gradient penalty of WGAN-GP (Gulrajani et al., 1704.00028)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from genrun.components.regularization._critic_gradients import (
    critic_for,
    generated_like,
    refuse_without_critic,
    squared_gradient_norms,
)
from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.protocols.model import Model
from genrun.core.types import Player

TINY = 1e-12  # added to squared norms


@dataclass(frozen=True)
class GradientPenalty:
    """Draws the critic's gradient norm to 1 between real and generated images (equation 3)."""

    weight: float

    def check_model(self, model: Model) -> None:
        refuse_without_critic("gradient_penalty", model)

    def penalty(
        self, model: Model, player: Player, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> Tensor | None:
        if (critic := critic_for(model, player)) is None:
            return None
        generated = generated_like(model, nets, batch, key)
        share = noise.uniform(key.fold("between"), (len(batch), 1, 1, 1), like=batch)
        norms = squared_gradient_norms(critic, nets, generated.lerp(batch, share))
        # the root's slope at 0 is infinite, and a new critic may well be flat
        return self.weight * ((norms + TINY).sqrt() - 1).square().mean()
