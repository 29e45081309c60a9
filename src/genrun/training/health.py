"""Lets every watch see each row of the log, and remembers what they saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from genrun.core.errors import Diverged
from genrun.core.types import HealthTransition, State


class Watch(Protocol):
    """A pure state machine over the log's rows: can be tested by a table, replayed over a log."""

    def start(self) -> State: ...

    def observe(
        self, state: State, row: Mapping[str, float]
    ) -> tuple[State, HealthTransition | None]: ...


class Fatal(Protocol):
    """The same, but what it finds ends the run: the reason, or None."""

    def start(self) -> State: ...

    def observe(self, state: State, row: Mapping[str, float]) -> tuple[State, str | None]: ...


@dataclass
class HealthMonitor:
    """The watches by the name of what they find. `states` is JSON's types only."""

    watches: Mapping[str, Watch]
    explosion: Fatal
    states: dict[str, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = {name: watch.start() for name, watch in self.watches.items()}
        self.states["explosion"] = self.explosion.start()

    def observe(self, row: Mapping[str, float]) -> list[dict[str, Any]]:
        """The health rows that this row brings. Raises `Diverged` where gradients exploded."""
        self.states["explosion"], reason = self.explosion.observe(self.states["explosion"], row)
        if reason is not None:
            raise Diverged(reason)
        events = []
        for name, watch in self.watches.items():
            self.states[name], change = watch.observe(self.states[name], row)
            if change is not None:
                state = "began" if change.began else "recovered"
                event = {"step": row["step"], "health": name, "state": state}
                events.append({**event, "detail": change.detail})
        return events
