"""KL annealing (Bowman et al., 1511.06349), also cyclical (Fu et al., 1903.10145)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


class AnnealedKL(nn.Module):
    """Multiplies the KL by a weight that rises from 0 to 1 in `anneal_steps` of each cycle."""

    current: Tensor

    def __init__(self, anneal_steps: int, cycle_steps: int | None) -> None:
        super().__init__()
        self.anneal_steps = anneal_steps
        self.cycle_steps = cycle_steps
        self.register_buffer("current", torch.tensor(0.0), persistent=False)

    def begin_step(self, step: int) -> None:
        steps = step - 1 if self.cycle_steps is None else (step - 1) % self.cycle_steps
        self.current.fill_(min(1.0, steps / self.anneal_steps))

    def forward(self, kl: Tensor) -> Tensor:
        return self.current * kl


@dataclass(frozen=True)
class KLAnnealing:
    """Multiplies the KL term in training by a weight that rises linearly from 0 to 1.

    The decoder learns to use the code before the posterior is pulled to the prior. With
    `cycle_steps` the weight starts again from 0 (equations 6 and 7 of Fu et al., with T/M =
    `cycle_steps` and R = `anneal_steps / cycle_steps`). Held-out bounds are not changed.
    """

    anneal_steps: int
    cycle_steps: int | None
    is_weight = True

    def __post_init__(self) -> None:
        if self.cycle_steps is not None and self.cycle_steps < self.anneal_steps:
            raise ValueError(
                f"cycle_steps={self.cycle_steps}: must be at least "
                f"anneal_steps={self.anneal_steps}, or null"
            )

    def build_kl_layer(self) -> nn.Module:
        return AnnealedKL(self.anneal_steps, self.cycle_steps)
