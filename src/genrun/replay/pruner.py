"""A pruner replayed: the runs as trials of a search, one after another in order of their start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrun.core.errors import ConfigError
from genrun.core.protocols.stopping import ComparesTrials
from genrun.core.status import RunStatus
from genrun.replay.replay_policy import Decision, replay_policy
from genrun.replay.run_log import ReplayLog
from genrun.results.record import RunRecord

if TYPE_CHECKING:
    from genrun.runs.optuna_journal import OpenedStudy


class PrunerReplay:
    """The study, in memory, of one pruner over the runs of one workload."""

    def __init__(self) -> None:
        """Raises `ConfigError` if Optuna is not installed."""
        try:
            from genrun.runs.optuna_journal import create_study_in_memory
        except ModuleNotFoundError as error:
            raise ConfigError(
                "stopping.pruner: needs Optuna, also in a replay: pip install 'genrun[tune]'"
            ) from error
        self._opened: OpenedStudy = create_study_in_memory()

    def replay(self, policy: ComparesTrials, run: RunRecord, log: ReplayLog) -> Decision | None:
        """Makes the run the next trial of the study and returns where the pruner stops it.

        The study gets no value of the run from after that step.
        """
        from genrun.experiment.stopping import TrialStopper  # imports the training step
        from genrun.runs.optuna_journal import OpenedTrial

        number = self._opened.study.ask().number
        trial = OpenedTrial(self._opened, self._opened.get_trial_id(number))
        decision = replay_policy(TrialStopper(policy, lambda: trial), log)
        self._finish_trial(number, run, decision)
        return decision

    def _finish_trial(self, number: int, run: RunRecord, decision: Decision | None) -> None:
        """Ends the trial as a search would (`genrun.sweeps.search.trials`)."""
        from optuna.trial import TrialState

        if run.status == RunStatus.FAILED:
            self._opened.study.tell(number, state=TrialState.FAIL)
        elif decision is not None or run.pruned or run.status == RunStatus.DIVERGED:
            self._opened.study.tell(number, state=TrialState.PRUNED)
        else:
            self._opened.study.tell(number, run.curve.best(run.monitor or ""))
