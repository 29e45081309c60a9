"""The contract of `conf/stopping`: when a run stops.

A policy is a `Stopper`. If it uses more than the step and the examples, it has the attributes of
one of the other protocols, so that genrun can supply the value, or refuse the policy when a run
that never measures it is built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from genrun.core.types import State, StepReport


class Stopper(Protocol):
    """A stopping policy as a pure state machine.

    The policy has settings but no memory: its state is passed in and out, is saved in checkpoints
    as JSON, and can be replayed over the log of a finished run. `components/stopping/early.py` is
    an example.
    """

    def start(self) -> State:
        """Returns the state before the first step."""

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        """Returns the next state, and the reason to stop or None.

        Called before the first step, with step 0, and after every training step; `report.metrics`
        and `report.losses` are empty at most of them, at which a policy returns `state` itself.
        It must not change `state` in place. The reason begins with the policy's name.
        """

    def describe(self, state: State) -> str:
        """Returns a few words for the display on how near the end is."""


@runtime_checkable
class Monitors(Protocol):
    """A policy that watches a held-out value; None is replaced by the run's monitor."""

    monitor: str | None


@runtime_checkable
class MonitorsWithError(Protocol):
    """A policy that needs the standard error of its monitor as well."""

    monitor: str | None
    standard_errors: float


@runtime_checkable
class WatchesLoss(Protocol):
    """A policy that watches a player's training loss; None is replaced by the only player."""

    player: str | None


@runtime_checkable
class LimitsFlops(Protocol):
    """A policy that, unless `flops` is None, needs the FLOPs of a step to be known."""

    flops: float | None


@runtime_checkable
class LimitsSeconds(Protocol):
    """A policy that, unless `seconds` is None, depends on the training time."""

    seconds: float | None


@runtime_checkable
class ComparesTrials(Protocol):
    """A policy that compares a trial with the other trials of its search, as pruners do.

    It opens no study itself: `genrun.experiment.stopping.TrialStopper` makes a `Stopper` of it
    and an opened trial.
    """

    study: str | None  # the path of the search's journal
    trial: int | None  # the number of the run's trial in it

    def start(self) -> State:
        """Returns the state before the first step."""

    def observe_trial(
        self, open_trial: Callable[[], Any], state: State, report: StepReport
    ) -> tuple[State, str | None]:
        """Returns what `Stopper.observe` does.

        `open_trial` returns a `genrun.runs.optuna_journal.OpenedTrial`. It should be called only
        at steps with a value to report, as it reads files.
        """

    def describe(self, state: State) -> str:
        """Returns a few words for the display."""
