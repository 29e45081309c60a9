"""The zero-centred gradient penalty on generated images (Mescheder et al., 1801.04406)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from genrun.components.regularization._critic_gradients import (
    check_has_critic,
    generate_batch,
)
from genrun.components.regularization.r1 import R1
from genrun.core.noise import Key
from genrun.core.protocols.model import Model


@dataclass(frozen=True)
class R2(R1):
    """gamma/2 times the mean squared norm of the critic's gradient at generated images."""

    def check_model(self, model: Model) -> None:
        check_has_critic("r2", model)

    def images(self, model: Model, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Tensor:
        return generate_batch(model, nets, batch, key)
