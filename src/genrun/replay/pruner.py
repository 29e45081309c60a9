"""A pruner replayed: the runs as trials of a search, one after the other as they started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from genrun.core.errors import ConfigError
from genrun.core.protocols.stopping import ComparesTrials
from genrun.core.status import RunStatus
from genrun.core.types import State, StepReport
from genrun.replay.replay_policy import Decision, replay
from genrun.replay.run_log import Log
from genrun.results.record import RunRecord

if TYPE_CHECKING:
    from genrun.runs.optuna_journal import OpenedStudy, OpenedTrial


@dataclass(frozen=True)
class _AsTrial:
    """A policy that asks as one trial of a study in memory."""

    stopper: ComparesTrials
    trial: OpenedTrial

    def start(self) -> State:
        return self.stopper.start()

    def observe(self, state: State, report: StepReport) -> tuple[State, str | None]:
        return self.stopper.observe_trial(lambda: self.trial, state, report)

    def describe(self, state: State) -> str:
        return self.stopper.describe(state)


class PrunerReplay:
    """The study of one pruner over the runs of one workload."""

    def __init__(self) -> None:
        """Raises `ConfigError` where Optuna is not installed."""
        try:
            from genrun.runs.optuna_journal import study_in_memory
        except ModuleNotFoundError as error:
            raise ConfigError(
                "stopping.pruner: asks Optuna, in a replay too: pip install 'genrun[tune]'"
            ) from error
        self._opened: OpenedStudy = study_in_memory()

    def replay(self, stopper: ComparesTrials, run: RunRecord, log: Log) -> Decision | None:
        """Lets the run be the next trial; of one that is stopped no later value is seen."""
        from genrun.runs.optuna_journal import OpenedTrial

        number = self._opened.study.ask().number
        trial = OpenedTrial(self._opened, self._opened.id_of(number))
        decision = replay(_AsTrial(stopper, trial), log)
        self._tell(number, run, decision)
        return decision

    def _tell(self, number: int, run: RunRecord, decision: Decision | None) -> None:
        """As a search is told: `sweeps/search/trials.py: verdict`."""
        from optuna.trial import TrialState

        if run.status == RunStatus.FAILED:
            self._opened.study.tell(number, state=TrialState.FAIL)
        elif decision is not None or run.pruned or run.status == RunStatus.DIVERGED:
            self._opened.study.tell(number, state=TrialState.PRUNED)
        else:
            self._opened.study.tell(number, run.curve.best(run.monitor or ""))
