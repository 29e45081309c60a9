"""What a stopping policy may go by, beside the step: it is duck-typed against these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from genrun.core.types import State, StepReport


class Stopper(Protocol):
    """A pure state machine: can be saved as JSON, tested by a table, replayed over a log."""

    def start(self) -> State: ...

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        """The next state, and the reason to stop or None. Never changes `state` in place."""

    def describe(self, state: State) -> str:
        """A few words for the display: how near the end is."""


@runtime_checkable
class Monitors(Protocol):
    """A stopper that watches a held-out metric; None stands for the model's own."""

    monitor: str | None


@runtime_checkable
class MonitorsWithError(Protocol):
    """A stopper for whose metric a standard error must be measured too."""

    monitor: str | None
    standard_errors: float


@runtime_checkable
class WatchesLoss(Protocol):
    """A stopper that watches a player's training loss; None stands for the only player's."""

    player: str | None


@runtime_checkable
class LimitsFlops(Protocol):
    """A stopper that, unless `flops` is None, must be told the FLOPs spent."""

    flops: float | None


@runtime_checkable
class LimitsSeconds(Protocol):
    """A stopper that, unless `seconds` is None, goes by the clock."""

    seconds: float | None


@runtime_checkable
class ComparesTrials(Stopper, Protocol):
    """A stopper that asks the study of a search how the other trials do.

    `trial` gives what it needs to know of one: an open study, and which of its trials it is.
    """

    def observe_trial(
        self, trial: Callable[[], Any], state: State, report: StepReport
    ) -> tuple[State, str | None]: ...
