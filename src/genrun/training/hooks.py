"""What regularizations do in a training step."""

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
    """In the order in which a step comes to them; each has those that are chosen, or none."""

    penalties: Mapping[str, Penalty]  # part of a player's loss
    gradient_points: Sequence[GradientPoint]  # where its gradient is taken
    gradient_changes: Sequence[GradientChange]  # what becomes of that
    weight_changes: Sequence[WeightChange]  # what becomes of its weights after its update

    @classmethod
    def from_regularizations(cls, regularizations: Mapping[str, Any]) -> RegularizationHooks:
        chosen = regularizations.values()
        return cls(
            {name: r for name, r in regularizations.items() if isinstance(r, Penalty)},
            [r for r in chosen if isinstance(r, GradientPoint)],
            [r for r in chosen if isinstance(r, GradientChange)],
            [r for r in chosen if isinstance(r, WeightChange)],
        )
