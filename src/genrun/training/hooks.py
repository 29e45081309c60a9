"""The places in a training step where regularizations act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genrun.core.protocols.regularization import (
    GradientChange,
    GradientPoint,
    Penalty,
    WeightChange,
)


@dataclass(frozen=True)
class RegularizationHooks:
    """The chosen regularizations by what they change, in the order in which a step uses them."""

    penalties: Mapping[str, Penalty]  # terms of a player's loss
    gradient_points: Sequence[GradientPoint]  # where the gradient is taken
    gradient_changes: Sequence[GradientChange]  # applied to the gradient
    weight_changes: Sequence[WeightChange]  # applied to the weights after the update

    @classmethod
    def from_regularizations(cls, regularizations: Mapping[str, Any]) -> RegularizationHooks:
        chosen = regularizations.values()
        return cls(
            {name: r for name, r in regularizations.items() if isinstance(r, Penalty)},
            [r for r in chosen if isinstance(r, GradientPoint)],
            [r for r in chosen if isinstance(r, GradientChange)],
            [r for r in chosen if isinstance(r, WeightChange)],
        )
