"""Checks that tensors and gradients are finite, and the gradients' norms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from genrun.core.errors import Diverged
from genrun.core.types import GRADIENT_NORM, Player


def check_finite(tensors: Mapping[str, Tensor], step: int) -> None:
    """Raises `Diverged` naming the first tensor that holds a NaN or an infinity."""
    floats = {name: t.detach() for name, t in tensors.items() if t.is_floating_point()}
    # `isfinite` takes twenty times as long as a norm. A norm is not finite if an element is not or
    # if squares overflow, which the loop below tells apart.
    if all(math.isfinite(norm) for norm in _norms(list(floats.values()))):
        return
    for name, tensor in floats.items():
        if not tensor.isfinite().all():
            raise Diverged(f"{name} is not finite at step {step}")


def check_finite_numbers(values: Mapping[str, object], where: str, step: int) -> None:
    """Raises `Diverged` naming the first number that is a NaN or an infinity."""
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise Diverged(f"{where}/{name} was {value} at step {step}")


class GradientNorms:
    """The norms of the gradients that each player's last step left in its parameters."""

    def __init__(self, nets: nn.ModuleDict, players: Sequence[Player]) -> None:
        self._parameters = {
            player.name: [
                (f"{network}/{name}", parameter)
                for network in player.networks
                for name, parameter in nets[network].named_parameters()
            ]
            for player in players
        }

    def compute(self, step: int) -> dict[str, float]:
        """Returns each player's 2-norm as `PLAYER/gradient_norm`, after clipping; {} at step 0.

        Raises `Diverged` naming the first parameter whose gradient is not finite.
        """
        norms = {}
        for player, parameters in self._parameters.items():
            gradients = {name: p.grad for name, p in parameters if p.grad is not None}
            if gradients:
                norm = math.hypot(*_norms(list(gradients.values())))
                norms[f"{player}/{GRADIENT_NORM}"] = norm
                if not math.isfinite(norm):
                    check_finite({f"the gradient of {k}": v for k, v in gradients.items()}, step)
                    raise Diverged(f"{player}/{GRADIENT_NORM} was {norm} at step {step}")
        return norms


def _norms(tensors: Sequence[Tensor]) -> list[float]:
    """The 2-norm of each tensor, with one read from each device."""
    by_device: dict[torch.device, list[Tensor]] = {}
    for tensor in tensors:
        by_device.setdefault(tensor.device, []).append(tensor)
    norms: list[float] = []
    for group in by_device.values():
        norms += torch.stack([n.double() for n in torch._foreach_norm(group)]).tolist()
    return norms
