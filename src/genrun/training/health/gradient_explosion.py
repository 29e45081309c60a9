"""Gradients that grow out of all proportion, while every number is still finite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from genrun.core.types import GRADIENT_NORM, State


@dataclass(frozen=True)
class GradientExplosion:
    """A player's gradient norm is over `factor` times its running median in `rows` rows in a row.

    The median is of the last `history` rows that were not over it, so that an explosion does not
    raise its own measure. Nothing is judged before there are `rows` of them, or all `history`.
    """

    factor: float
    rows: int
    history: int

    def start(self) -> State:
        return {"norms": {}, "over": {}}

    def observe(self, state: State, row: Mapping[str, float]) -> tuple[State, str | None]:
        """The next state, and a reason to end the run or None. Never changes `state` in place."""
        norms, over, reason = dict(state["norms"]), dict(state["over"]), None
        for name in [name for name in row if name.endswith(f"/{GRADIENT_NORM}")]:
            before, norm = norms.get(name, []), row[name]
            middle = median(before) if len(before) >= min(self.rows, self.history) else 0.0
            if not 0 < self.factor * middle < norm:
                norms[name], over[name] = [*before, norm][-self.history :], 0
                continue
            over[name] = over.get(name, 0) + 1
            if over[name] >= self.rows and reason is None:
                reason = (
                    f"{name} was {norm:.4g} at step {row['step']}, over {self.factor:g} times its "
                    f"median {middle:.4g} in {over[name]} rows of the log one after the other"
                )
        return {"norms": norms, "over": over}, reason
