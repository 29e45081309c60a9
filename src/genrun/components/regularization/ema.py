"""Exponential moving average of the weights (Polyak averaging; Yazici et al., 1806.04498)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class EMA:
    """The averaged networks are the ones evaluated and sampled; both kinds are saved.

    Their BatchNorm statistics are found anew for each evaluation (`training/average.py`).

    Early on the decay is (1 + step) / (10 + step) where that is smaller, so that the average
    soon forgets the initial weights.
    """

    decay: float

    def update_average(
        self, averaged: Sequence[Tensor], current: Sequence[Tensor], step: int
    ) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(averaged), list(current), 1 - decay)
