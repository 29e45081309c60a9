"""The trials of a search in its Optuna study: drawing them and reporting how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from optuna.trial import FrozenTrial, TrialState

from genrun.core.status import RunStatus, is_pruned
from genrun.runs.optuna_journal import open_study
from genrun.sweeps.job_state import JobState
from genrun.sweeps.search.samplers import format_value, make_distributions, make_sampler
from genrun.sweeps.search.settings import SearchSettings

ABANDONED, RETRY_OF, REASON = "abandoned", "retry_of", "reason"  # attributes of a trial


class TrialOutcome(NamedTuple):
    """How a trial ended, as reported to the study."""

    state: TrialState
    value: float | None = None
    reason: str = ""


def decide_outcome(runs: Sequence[JobState], seeds: int) -> TrialOutcome | None:
    """Returns how a trial ended, from its runs; None if some of them have not ended.

    Its value is the mean over the seeds of the best held-out values. A run that diverged makes it
    pruned, which samplers treat as worse than any value: from a failed trial they learn nothing,
    and return to where all runs diverge (docs/decisions/0007-search.md).
    """
    for run in runs:
        if run.status == RunStatus.FAILED:
            return TrialOutcome(TrialState.FAIL, reason=run.reason)
        if is_pruned(run.status, run.reason) or run.status == RunStatus.DIVERGED:
            return TrialOutcome(TrialState.PRUNED, reason=f"{run.status}: {run.reason}")
    values = [run.best for run in runs if run.has_result and run.best is not None]
    return TrialOutcome(TrialState.COMPLETE, fmean(values)) if len(values) == seeds else None


class SearchStudy:
    """The study of a search. Only the process that holds the search's lock may call `ask`."""

    def __init__(self, journal: Path, settings: SearchSettings) -> None:
        self._opened = open_study(journal)
        self._settings = settings
        self._space = settings.dimensions()
        self._distributions = make_distributions(settings.sampler, self._space)

    def all_trials(self) -> list[FrozenTrial]:
        """Returns all trials, by number."""
        return self._opened.trials()

    def running(self) -> list[FrozenTrial]:
        """Returns the trials that were drawn and have not ended."""
        return [trial for trial in self.all_trials() if trial.state == TrialState.RUNNING]

    def failed(self) -> list[FrozenTrial]:
        """Returns the trials that failed and have not been retried."""
        failed, retried = TrialState.FAIL, self.retried()
        return [t for t in self.all_trials() if t.state == failed and t.number not in retried]

    def retried(self) -> set[int]:
        """Returns the numbers of the trials that another trial repeats."""
        numbers = {trial.user_attrs.get(RETRY_OF) for trial in self.all_trials()}
        return {number for number in numbers if isinstance(number, int)}

    def count_asked(self) -> int:
        """Returns how many trials count towards the limit: not those abandoned or retried."""
        retried = self.retried()
        counted = (t for t in self.all_trials() if ABANDONED not in t.user_attrs)
        return sum(trial.number not in retried for trial in counted)

    def count_remaining(self) -> int:
        """Returns how many trials are left to draw, queued retries included."""
        queued = sum(trial.state == TrialState.WAITING for trial in self.all_trials())
        return queued + self._settings.trials - self.count_asked()

    def describe_state(self, trial: FrozenTrial) -> str:
        """Returns a word or two for how the trial ended, or that it has not."""
        if ABANDONED in trial.user_attrs:
            return "abandoned"
        if trial.number in self.retried():
            return "failed and retried"
        if str(trial.user_attrs.get(REASON)).startswith(RunStatus.DIVERGED):
            return RunStatus.DIVERGED
        return {TrialState.FAIL: str(RunStatus.FAILED)}.get(trial.state, trial.state.name.lower())

    def ask(self) -> FrozenTrial:
        """Draws a new trial, or takes a queued retry."""
        study, settings = self._opened.study, self._settings
        next_number = len(self.all_trials())
        study.sampler = make_sampler(
            settings.sampler, settings.seed, next_number, self._distributions
        )
        number = study.ask(self._distributions).number
        return self.all_trials()[number]

    def is_fully_drawn(self, trial: FrozenTrial) -> bool:
        """Whether the trial has all its values: a process may be killed while it draws them."""
        return trial.params.keys() == self._space.keys()

    def format_values(self, trial: FrozenTrial) -> dict[str, str]:
        """Returns the trial's values by key, as overrides write them."""
        return {
            key: format_value(dimension, trial.params[key])
            for key, dimension in self._space.items()
        }

    def tell(self, number: int, outcome: TrialOutcome) -> None:
        """Reports how a trial ended."""
        if outcome.reason:
            self._set_attribute(number, REASON, outcome.reason)
        self._opened.study.tell(number, outcome.value, outcome.state, skip_if_finished=True)

    def abandon(self, number: int) -> None:
        """Fails a trial that has no run: its process was killed before all values were drawn."""
        self._set_attribute(number, ABANDONED, True)
        self.tell(number, TrialOutcome(TrialState.FAIL))

    def retry(self, trial: FrozenTrial) -> None:
        """Queues a trial with the same values: Optuna cannot reopen one that has failed."""
        attributes = {RETRY_OF: trial.number}
        self._opened.study.enqueue_trial(dict(trial.params), user_attrs=attributes)

    def _set_attribute(self, number: int, name: str, value: str | bool) -> None:
        self._opened.storage.set_trial_user_attr(self._opened.get_trial_id(number), name, value)
