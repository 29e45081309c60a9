"""Sharpness-aware minimization (Foret et al., 2010.01412)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

TINY = 1e-12  # added to the norm, which may be 0


@dataclass(frozen=True)
class SAM:
    """A player's gradient is taken where its loss is about highest within `rho` of its weights.

    That is at w + rho g / ||g||, g over all the player's weights (equation 2 with p = 2), on the
    same batch and noise; the update starts from w (algorithm 1). Of several processes g is that
    of the whole batch. Every gradient costs two. What is logged is at w.
    """

    rho: float

    def move_weights(self, weights: Sequence[Tensor]) -> None:
        moved = [weight for weight in weights if weight.grad is not None]
        gradients = [weight.grad for weight in moved if weight.grad is not None]
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        steps = torch._foreach_mul(gradients, self.rho / (norm + TINY))
        torch._foreach_add_(moved, list(steps))
