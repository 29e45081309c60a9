"""Sharpness-aware minimization (Foret et al., 2010.01412)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

EPSILON = 1e-12  # added to the norm, which may be 0


@dataclass(frozen=True)
class SAM:
    """Takes a player's gradient at w + rho g / ||g|| (equation 2 with p = 2).

    There the loss is, to first order, highest within `rho` of the weights w; g is the gradient at
    w over all the player's weights, of the same batch and noise. The update starts from w
    (algorithm 1). With several processes g is that of the whole batch. Each gradient costs two;
    the logged values are those at w.
    """

    rho: float

    def move_weights(self, weights: Sequence[Tensor]) -> None:
        moved = [weight for weight in weights if weight.grad is not None]
        gradients = [weight.grad for weight in moved if weight.grad is not None]
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        steps = torch._foreach_mul(gradients, self.rho / (norm + EPSILON))
        torch._foreach_add_(moved, list(steps))
