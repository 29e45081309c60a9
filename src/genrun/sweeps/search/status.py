"""How far a search has come."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from genrun.runs import layout
from genrun.sweeps.plan import SweepPlan
from genrun.sweeps.search.settings import SearchSettings
from genrun.sweeps.search.trial_locks import is_locked
from genrun.sweeps.search.trials import SearchStudy


class SearchStatus(NamedTuple):
    """How many trials failed, how many are left, and whether other processes run some of these.

    A trial that diverged has not failed: where divergence begins is part of what a search finds.
    """

    failed: int
    left: int
    running_elsewhere: bool


def search_status(folder: Path, plan: SweepPlan) -> SearchStatus:
    """Reads the status from the study and from the locks of the trials."""
    study = SearchStudy(folder / layout.JOURNAL, SearchSettings.from_plan(plan))
    left = study.count_remaining() + len(study.running())
    return SearchStatus(len(study.failed()), left, bool(locked_trials(folder, study)))


def locked_trials(folder: Path, study: SearchStudy) -> list[int]:
    """Returns the numbers of the trials that a process runs now, this process included."""
    return [trial.number for trial in study.running() if is_locked(folder, trial.number)]
