"""A search's trials, asked of the study and told to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from optuna.trial import FrozenTrial, TrialState

from genrun.core.status import RunStatus, is_pruned
from genrun.runs.optuna_journal import open_study
from genrun.sweeps.job_state import JobState
from genrun.sweeps.search.samplers import distributions, make_sampler, word_of
from genrun.sweeps.search.settings import Settings

ABANDONED, RETRY_OF, REASON = "abandoned", "retry_of", "reason"  # attributes of a trial


class TrialOutcome(NamedTuple):
    """What the study is told of a trial."""

    state: TrialState
    value: float | None = None
    reason: str = ""


def verdict(runs: Sequence[JobState], seeds: int) -> TrialOutcome | None:
    """How a trial ended by how its runs did; None where some are left to do.

    Its value is the mean over the seeds of the best held-out values. A run that diverged makes it
    pruned, which to the samplers is worse than any value: from a failed one they learn nothing,
    and come back to where all runs diverge (docs/decisions/0007-search.md).
    """
    for run in runs:
        if run.status == RunStatus.FAILED:
            return TrialOutcome(TrialState.FAIL, reason=run.reason)
        if is_pruned(run.status, run.reason) or run.status == RunStatus.DIVERGED:
            return TrialOutcome(TrialState.PRUNED, reason=f"{run.status}: {run.reason}")
    values = [run.best for run in runs if run.has_result and run.best is not None]
    return TrialOutcome(TrialState.COMPLETE, fmean(values)) if len(values) == seeds else None


class Trials:
    """The study of a search. Only one process at a time may ask."""

    def __init__(self, journal: Path, settings: Settings) -> None:
        self._opened = open_study(journal)
        self._settings = settings
        self._space = settings.dimensions()
        self._drawn = distributions(settings.sampler, self._space)

    def all(self) -> list[FrozenTrial]:
        return self._opened.trials()

    def running(self) -> list[FrozenTrial]:
        return [trial for trial in self.all() if trial.state == TrialState.RUNNING]

    def asked(self) -> int:
        """How many count: not those that were given up unborn, or that another trial repeats."""
        repeated = self.repeated()
        counted = (t for t in self.all() if ABANDONED not in t.user_attrs)
        return sum(trial.number not in repeated for trial in counted)

    def to_come(self) -> int:
        """How many are to be asked for yet, new ones and such that failed before."""
        again = sum(trial.state == TrialState.WAITING for trial in self.all())
        return again + self._settings.trials - self.asked()

    def kind(self, trial: FrozenTrial) -> str:
        """How it ended, or that it has not."""
        if ABANDONED in trial.user_attrs:
            return "given up"
        if trial.number in self.repeated():
            return "failed and tried again"
        if str(trial.user_attrs.get(REASON)).startswith(RunStatus.DIVERGED):
            return RunStatus.DIVERGED
        return {TrialState.FAIL: str(RunStatus.FAILED)}.get(trial.state, trial.state.name.lower())

    def ask(self) -> FrozenTrial:
        """A new one, or one that is to be tried again."""
        study, settings = self._opened.study, self._settings
        number = len(self.all())
        study.sampler = make_sampler(settings.sampler, settings.seed, number, self._drawn)
        asked = study.ask(self._drawn).number
        return self.all()[asked]

    def is_whole(self, trial: FrozenTrial) -> bool:
        """Whether all its values were drawn before whoever asked for it was killed."""
        return trial.params.keys() == self._space.keys()

    def words(self, trial: FrozenTrial) -> dict[str, str]:
        """Its values as words have them."""
        return {key: word_of(given, trial.params[key]) for key, given in self._space.items()}

    def tell(self, number: int, ended: TrialOutcome) -> None:
        if ended.reason:
            self._note(number, REASON, ended.reason)
        self._opened.study.tell(number, ended.value, ended.state, skip_if_finished=True)

    def abandon(self, number: int) -> None:
        """Whoever asked for it was killed before all its values were drawn: nothing has run."""
        self._note(number, ABANDONED, True)
        self.tell(number, TrialOutcome(TrialState.FAIL))

    def retry(self, trial: FrozenTrial) -> None:
        """The same values once more, as a trial of their own; Optuna's trials fail for good."""
        attributes = {RETRY_OF: trial.number}
        self._opened.study.enqueue_trial(dict(trial.params), user_attrs=attributes)

    def failed(self) -> list[FrozenTrial]:
        """Those that failed and are not repeated."""
        done, repeated = TrialState.FAIL, self.repeated()
        return [t for t in self.all() if t.state == done and t.number not in repeated]

    def repeated(self) -> set[int]:
        """The numbers of those that another trial tries again."""
        found = {trial.user_attrs.get(RETRY_OF) for trial in self.all()}
        return {number for number in found if isinstance(number, int)}

    def _note(self, number: int, name: str, value: str | bool) -> None:
        self._opened.storage.set_trial_user_attr(self._opened.id_of(number), name, value)
