"""Checks on a run's log: thresholds exceeded for long, and exploding gradients.

Every check is a pure state machine over the log's rows, so it can be tested by a table of values,
replayed over a log and saved in a checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from genrun.core.errors import Diverged
from genrun.core.types import GRADIENT_NORM, HealthTransition, State


@dataclass(frozen=True)
class ThresholdWatch:
    """Begins when `value` is beyond `limit` in `rows` consecutive rows that span `steps` steps.

    Rows without the value are skipped; a row with it counts for all steps since the last such row.
    Step 0 is ignored: untrained networks are no sign of trouble. The condition ends with the first
    row that is not beyond the limit.
    """

    value: str  # its name in a row
    above: bool  # whether trouble is above the limit; else below
    limit: float
    steps: int
    rows: int
    meaning: str  # shown to the user when the condition begins

    def start(self) -> State:
        return {"began": False, "rows": 0, "since": 0, "last": 0}

    def observe(
        self, state: State, row: Mapping[str, float]
    ) -> tuple[State, HealthTransition | None]:
        """Returns the next state, and a transition if this row caused one.

        Never changes `state` in place.
        """
        value, step = row.get(self.value), int(row["step"])
        if value is None or step == 0:
            return state, None
        is_beyond = value > self.limit if self.above else value < self.limit
        if not is_beyond:
            ended = (
                HealthTransition(False, f"{self.value} is {value:.4g}") if state["began"] else None
            )
            return {**self.start(), "last": step}, ended
        since = state["since"] if state["rows"] else state["last"]
        rows = state["rows"] + 1
        has_begun = state["began"] or (rows >= self.rows and step - since >= self.steps)
        transition = None
        if has_begun and not state["began"]:
            side = "above" if self.above else "below"
            transition = HealthTransition(
                True,
                f"{self.meaning}: {self.value} is {value:.4g}, {side} {self.limit:g} in the last "
                f"{rows} rows that have it, {step - since} steps",
            )
        return {"began": has_begun, "rows": rows, "since": since, "last": step}, transition


@dataclass(frozen=True)
class GradientExplosion:
    """A player's gradient norm exceeds `factor` times its running median in `rows` rows in a row.

    The median is over the last `history` rows that did not exceed it, so that an explosion does
    not raise its own threshold. Nothing is judged before `rows` of them (or `history`, if that is
    fewer) have been seen.
    """

    factor: float
    rows: int
    history: int

    def start(self) -> State:
        return {"norms": {}, "over": {}}

    def observe(self, state: State, row: Mapping[str, float]) -> tuple[State, str | None]:
        """Returns the next state, and the reason to end the run or None.

        Never changes `state` in place.
        """
        norms, over, reason = dict(state["norms"]), dict(state["over"]), None
        for name in [name for name in row if name.endswith(f"/{GRADIENT_NORM}")]:
            previous, norm = norms.get(name, []), row[name]
            middle = median(previous) if len(previous) >= min(self.rows, self.history) else 0.0
            if not 0 < self.factor * middle < norm:
                norms[name], over[name] = [*previous, norm][-self.history :], 0
                continue
            over[name] = over.get(name, 0) + 1
            if over[name] >= self.rows and reason is None:
                reason = (
                    f"{name} was {norm:.4g} at step {row['step']}, over {self.factor:g} times its "
                    f"median {middle:.4g} in {over[name]} consecutive rows of the log"
                )
        return {"norms": norms, "over": over}, reason


@dataclass
class HealthMonitor:
    """Passes each row of the log to every check, and holds their states (JSON's types only)."""

    watches: Mapping[str, ThresholdWatch]  # by the name of the condition
    explosion: GradientExplosion
    states: dict[str, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = {name: watch.start() for name, watch in self.watches.items()}
        self.states["explosion"] = self.explosion.start()

    def observe(self, row: Mapping[str, float]) -> list[dict[str, Any]]:
        """Returns the health rows to log after this row.

        Raises `Diverged` if gradients exploded.
        """
        self.states["explosion"], reason = self.explosion.observe(self.states["explosion"], row)
        if reason is not None:
            raise Diverged(reason)
        events = []
        for name, watch in self.watches.items():
            self.states[name], transition = watch.observe(self.states[name], row)
            if transition is not None:
                state = "began" if transition.began else "recovered"
                event = {"step": row["step"], "health": name, "state": state}
                events.append({**event, "detail": transition.detail})
        return events
