"""How far a search is."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from genrun.runs import layout
from genrun.sweeps.plan import SweepPlan
from genrun.sweeps.search.settings import settings_of
from genrun.sweeps.search.trial_locks import is_locked
from genrun.sweeps.search.trials import Trials


class SearchStatus(NamedTuple):
    """How many trials failed, how many are left, and whether other processes run some of these.

    A trial that diverged has not failed: where divergence begins is part of what a search finds.
    """

    failed: int
    left: int
    running_elsewhere: bool


def search_status(folder: Path, plan: SweepPlan) -> SearchStatus:
    """Reads the status from the study and from the locks of the trials."""
    trials = Trials(folder / layout.JOURNAL, settings_of(plan))
    left = trials.to_come() + len(trials.running())
    return SearchStatus(len(trials.failed()), left, bool(locked_trials(folder, trials)))


def locked_trials(folder: Path, trials: Trials) -> list[int]:
    """The numbers of the trials that a process runs now, this process included."""
    return [trial.number for trial in trials.running() if is_locked(folder, trial.number)]
