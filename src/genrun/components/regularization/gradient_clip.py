"""Gradient clipping by norm (Pascanu et al., 1211.5063)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class GradientClip:
    """Scales the gradient of a player down to the Euclidean norm `max_norm` if it is longer."""

    max_norm: float

    def change_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        nn.utils.clip_grad_norm_(parameters, self.max_norm)
