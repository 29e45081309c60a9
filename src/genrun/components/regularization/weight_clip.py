"""Weight clipping of the critic (Arjovsky et al., 1701.07875, algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from genrun.components.regularization._critic_gradients import check_has_critic, select_critic
from genrun.core.protocols.model import Model
from genrun.core.types import Player


@dataclass(frozen=True)
class WeightClip:
    """Clips all parameters of the critic to [-limit, limit] after each of its updates.

    The critic stays Lipschitz, with a constant that depends on the limit and the architecture.
    """

    limit: float

    def check_model(self, model: Model) -> None:
        check_has_critic("weight_clip", model)

    def applies_to(self, model: Model, player: Player) -> bool:
        return select_critic(model, player) is not None

    def change_weights(self, parameters: Sequence[nn.Parameter]) -> None:
        with torch.no_grad():
            torch._foreach_clamp_min_(list(parameters), -self.limit)
            torch._foreach_clamp_max_(list(parameters), self.limit)
