"""Exponential moving average of the weights (Polyak averaging; Yazici et al., 1806.04498)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class EMA:
    """Averages the weights; the averaged networks are evaluated and sampled.

    Checkpoints have both. The averaged networks' BatchNorm statistics are computed for each
    evaluation (`genrun.training.batch_norm_update`). The decay is at most (1 + step) / (10 +
    step), so that the average soon forgets the initial weights.
    """

    decay: float

    def update_average(
        self, averaged: Sequence[Tensor], current: Sequence[Tensor], step: int
    ) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(averaged), list(current), 1 - decay)
