"""Pruning of a search's trials: stop a run that does worse than the other trials did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from genrun.core.status import PRUNED
from genrun.core.types import State, StepReport

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.storages import BaseStorage

KINDS = ("median", "asha", "hyperband")

# user attributes of a trial in which the study stores the pruner's decisions
CONTINUED_UNTIL = "kept_until"  # the last step at which the trial was not pruned
STOPPED = "stopped"  # the step at which it was pruned, and the reason


class _OpenedStudy(Protocol):
    """An Optuna study and its storage (`genrun.runs.optuna_journal.OpenedStudy`)."""

    @property
    def study(self) -> Study: ...

    @property
    def storage(self) -> BaseStorage: ...


@dataclass(frozen=True)
class Pruner:
    """Reports each evaluation to a search's study, and stops the trial when Optuna prunes it.

    median: prunes if the trial's best value so far is worse than the median of the completed
    trials at this step (Golovin et al., 2017). asha: at 1, eta, eta^2, ... times `warmup_steps`
    only the best 1 / eta (`reduction_factor`) of the trials continue (Li et al., arXiv
    1810.05934). hyperband: the same from several first steps (Li et al., arXiv 1603.06560).

    The study stores each decision, so a run that was killed and resumes from an earlier step gets
    the decisions it got before, whatever the other trials reported meanwhile.

    `study` is the path of the search's journal and `trial` the number of this run's trial in it.
    The policy opens neither, but is handed them (`genrun.core.protocols.stopping.ComparesTrials`).
    """

    kind: str
    warmup_steps: int
    startup_trials: int
    reduction_factor: int
    monitor: str | None
    study: str | None
    trial: int | None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind={self.kind}: must be {', '.join(KINDS)}")
        if not isinstance(self.study, str) or not isinstance(self.trial, int):
            raise ValueError(
                "works only in a search, which has other trials to compare with: "
                "genrun -m hydra/sweeper=tpe …"
            )

    def start(self) -> State:
        return {"last": None}

    def observe_trial(
        self,
        open_trial: Callable[[], tuple[_OpenedStudy, int]],
        state: State,
        report: StepReport,
    ) -> tuple[State, str | None]:
        """Returns the next state, and the reason to stop or None.

        `open_trial` returns the study and the storage's identifier of the trial; it is called
        only if there is a value to report. Step 0, before training, is not reported.
        """
        value = report.metrics.get(self.monitor or "")
        if value is None or report.step == 0:
            return state, None
        return {"last": value}, self._decide(*open_trial(), report.step, value)

    def describe(self, state: State) -> str:
        last = "nothing reported" if state["last"] is None else f"{state['last']:.4g}"
        return f"pruner: {self.kind}, {last}"

    def _decide(self, opened: _OpenedStudy, trial: int, step: int, value: float) -> str | None:
        """Returns the stored decision for this step, or makes one and stores it."""
        before = opened.storage.get_trial(trial)
        stopped = before.user_attrs.get(STOPPED)
        if stopped is not None and step >= stopped["step"]:
            return str(stopped["reason"])
        if before.state.is_finished() or step <= before.user_attrs.get(CONTINUED_UNTIL, 0):
            return None
        opened.storage.set_trial_intermediate_value(trial, step, value)
        if not self._optuna_pruner().prune(opened.study, opened.storage.get_trial(trial)):
            opened.storage.set_trial_user_attr(trial, CONTINUED_UNTIL, step)
            return None
        reason = f"{PRUNED}{self.kind}, {self.monitor} was {value:.6g} at step {step}"
        opened.storage.set_trial_user_attr(trial, STOPPED, {"step": step, "reason": reason})
        return reason

    def _optuna_pruner(self) -> BasePruner:
        from optuna import pruners

        first_step = max(1, self.warmup_steps)
        if self.kind == "median":
            return pruners.MedianPruner(self.startup_trials, self.warmup_steps)
        if self.kind == "asha":
            return pruners.SuccessiveHalvingPruner(first_step, self.reduction_factor)
        return pruners.HyperbandPruner(first_step, reduction_factor=self.reduction_factor)
