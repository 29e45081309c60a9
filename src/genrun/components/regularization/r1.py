"""The zero-centred gradient penalty on real images (Mescheder et al., 1801.04406)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from genrun.components.regularization._critic_gradients import (
    check_has_critic,
    select_critic,
    squared_gradient_norms,
)
from genrun.core.noise import Key
from genrun.core.protocols.model import Model
from genrun.core.types import Player


@dataclass(frozen=True)
class R1:
    """gamma/2 times the mean squared norm of the critic's gradient at real images (equation 9)."""

    gamma: float

    def check_model(self, model: Model) -> None:
        check_has_critic("r1", model)

    def penalty(
        self, model: Model, player: Player, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> Tensor | None:
        if (critic := select_critic(model, player)) is None:
            return None
        norms = squared_gradient_norms(critic, nets, self.images(model, nets, batch, key))
        return self.gamma / 2 * norms.mean()

    def images(self, model: Model, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Tensor:
        """Returns images in [0, 1], of the shape of `batch`, at which the gradient is taken."""
        return batch
