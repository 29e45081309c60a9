"""The zero-centred gradient penalty on real images (Mescheder et al., 1801.04406)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.core.errors import ConfigError
from genrun.core.layers import frozen_statistics
from genrun.core.noise import Key
from genrun.core.protocols import Adversarial, Model
from genrun.core.types import Player


@dataclass(frozen=True)
class R1:
    """gamma/2 times the mean squared norm of the critic's gradient at real images (equation 9)."""

    gamma: float

    def check(self, model: Model) -> None:
        if not isinstance(model, Adversarial):
            raise ConfigError(
                "regularization=r1 needs a model with a discriminator (gan); "
                f"{type(model).__name__} has none"
            )

    def penalty(
        self, model: Model, player: Player, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> Tensor | None:
        assert isinstance(model, Adversarial)
        if player.name != model.critic:
            return None
        critic = model
        with frozen_statistics(nets):
            gradient = torch.func.grad(lambda images: critic.judge(nets, images).sum())(batch)
        penalty: Tensor = self.gamma / 2 * gradient.square().flatten(1).sum(1).mean()
        return penalty
