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
    """How many trials failed, how many are left, and whether other processes look after these.

    One that diverged has not failed: to find where that begins is part of a search.
    """

    failed: int
    left: int
    looked_after: bool


def standing(folder: Path, plan: SweepPlan) -> SearchStatus:
    trials = Trials(folder / layout.JOURNAL, settings_of(plan))
    others = len(elsewhere(folder, trials))
    left = trials.to_come() + len(trials.running())
    return SearchStatus(len(trials.failed()), left, others > 0)


def elsewhere(folder: Path, trials: Trials) -> list[int]:
    """The trials that processes look after, this one's own among them while it does."""
    return [trial.number for trial in trials.running() if is_locked(folder, trial.number)]
