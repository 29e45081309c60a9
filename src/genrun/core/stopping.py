"""What a stopping policy may go by, beside the step: it is duck-typed against these."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


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
