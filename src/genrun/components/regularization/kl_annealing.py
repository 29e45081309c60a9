"""Annealing of the KL term (Bowman et al., 1511.06349), in cycles too (Fu et al., 1903.10145)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


class AnnealedKL(nn.Module):
    """Times a weight that rises from 0 to 1 in `anneal_steps` steps, in each cycle anew."""

    current: Tensor

    def __init__(self, anneal_steps: int, cycle_steps: int | None) -> None:
        super().__init__()
        self.anneal_steps = anneal_steps
        self.cycle_steps = cycle_steps
        self.register_buffer("current", torch.tensor(0.0), persistent=False)

    def begin_step(self, step: int) -> None:
        since = step - 1 if self.cycle_steps is None else (step - 1) % self.cycle_steps
        self.current.fill_(min(1.0, since / self.anneal_steps))

    def forward(self, kl: Tensor) -> Tensor:
        return self.current * kl


@dataclass(frozen=True)
class KLAnnealing:
    """The KL term's weight in training rises linearly from 0 to 1, on top of the model's own.

    So the decoder learns to use the code before the posterior is drawn to the prior. With
    `cycle_steps` it starts again from 0: equations 6 and 7 of Fu et al., where T/M is
    `cycle_steps` and R is `anneal_steps / cycle_steps`. What is measured stays the bound itself.
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
