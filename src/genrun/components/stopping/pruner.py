"""Stop a trial of a search that does worse than the others did, as the study says."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genrun.core.status import PRUNED
from genrun.core.types import State, StepReport

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

    from genrun.runs.optuna_journal import OpenedStudy, OpenedTrial

KINDS = ("median", "asha", "hyperband")
KEPT, STOPPED = "kept_until", "stopped"  # what the study remembers of a trial beside its values


@dataclass(frozen=True)
class Pruner:
    """Reports each evaluation to the study of a search, and stops where its pruner says so.

    median: the best so far is worse than the median of the trials that ended, at this step
    (Golovin et al., 2017). asha: at 1, eta, eta^2, … times `warmup_steps` only the best of eta
    (`reduction_factor`) goes on (Li et al., arXiv 1810.05934). hyperband: the same from several
    first steps (Li et al., arXiv 1603.06560). All three are Optuna's.

    The study keeps each answer, so a run that was killed and goes on from an earlier step gets
    the answers that it got before, though the other trials have gone on since.
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

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        assert self.study is not None
        assert self.trial is not None
        return self.observe_trial(functools.partial(_open, self.study, self.trial), state, report)

    def observe_trial(
        self, trial: Callable[[], OpenedTrial], state: State, report: StepReport
    ) -> tuple[State, str | None]:
        """`observe`, as any trial of any study, which is opened when there is something to ask."""
        value = report.metrics.get(self.monitor or "")
        if value is None or report.step == 0:
            return state, None
        return {"last": value}, self._answer(*trial(), report.step, value)

    def describe(self, state: State) -> str:
        last = "nothing reported" if state["last"] is None else f"{state['last']:.4g}"
        return f"pruner: {self.kind}, {last}"

    def _answer(self, opened: OpenedStudy, trial: int, step: int, value: float) -> str | None:
        """What the study said of this step; where it was not asked yet, it is now."""
        before = opened.storage.get_trial(trial)
        stopped = before.user_attrs.get(STOPPED)
        if stopped is not None and step >= stopped["step"]:
            return str(stopped["reason"])
        if before.state.is_finished() or step <= before.user_attrs.get(KEPT, 0):
            return None
        opened.storage.set_trial_intermediate_value(trial, step, value)
        if not self._pruner().prune(opened.study, opened.storage.get_trial(trial)):
            opened.storage.set_trial_user_attr(trial, KEPT, step)
            return None
        reason = f"{PRUNED}{self.kind}, {self.monitor} was {value:.6g} at step {step}"
        opened.storage.set_trial_user_attr(trial, STOPPED, {"step": step, "reason": reason})
        return reason

    def _pruner(self) -> BasePruner:
        from optuna import pruners

        first = max(1, self.warmup_steps)
        if self.kind == "median":
            return pruners.MedianPruner(self.startup_trials, self.warmup_steps)
        if self.kind == "asha":
            return pruners.SuccessiveHalvingPruner(first, self.reduction_factor)
        return pruners.HyperbandPruner(first, reduction_factor=self.reduction_factor)


@functools.lru_cache(maxsize=4)
def _open(path: str, trial: int) -> OpenedTrial:
    """Read once, then as it grows."""
    from genrun.runs.optuna_journal import OpenedTrial, open_study

    opened = open_study(Path(path))
    return OpenedTrial(opened, opened.id_of(trial))
