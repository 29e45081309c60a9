"""A logged value that stays beyond a limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from genrun.core.types import HealthTransition, State


@dataclass(frozen=True)
class ThresholdWatch:
    """Begins once `value` was beyond `limit` in `rows` rows in a row that span `steps` steps.

    Rows without the value say nothing, and one stands for the steps since the row before it that
    had the value. Step 0 is not judged: networks that nobody trained are no sign of trouble. It
    ends with the first row that is not beyond the limit.
    """

    value: str  # its name in a row
    above: bool  # trouble is above the limit; else below
    limit: float
    steps: int
    rows: int
    meaning: str  # for a person, who sees it where the trouble begins

    def start(self) -> State:
        return {"began": False, "rows": 0, "since": 0, "last": 0}

    def observe(
        self, state: State, row: Mapping[str, float]
    ) -> tuple[State, HealthTransition | None]:
        """The next state, and a change if this row made one. Never changes `state` in place."""
        value, step = row.get(self.value), int(row["step"])
        if value is None or step == 0:
            return state, None
        beyond = value > self.limit if self.above else value < self.limit
        if not beyond:
            ended = (
                HealthTransition(False, f"{self.value} is {value:.4g}") if state["began"] else None
            )
            return {**self.start(), "last": step}, ended
        since = state["since"] if state["rows"] else state["last"]
        rows = state["rows"] + 1
        began = state["began"] or (rows >= self.rows and step - since >= self.steps)
        change = None
        if began and not state["began"]:
            side = "above" if self.above else "below"
            change = HealthTransition(
                True,
                f"{self.meaning}: {self.value} is {value:.4g}, {side} {self.limit:g} in the last "
                f"{rows} rows that have it, {step - since} steps",
            )
        return {"began": began, "rows": rows, "since": since, "last": step}, change
