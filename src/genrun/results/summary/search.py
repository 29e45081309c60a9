"""The result of a search, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from optuna.trial import TrialState

from genrun.core.formatting import format_number
from genrun.runs import layout
from genrun.sweeps.plan import SweepPlan
from genrun.sweeps.search.settings import SearchSettings
from genrun.sweeps.search.status import locked_trials
from genrun.sweeps.search.trials import SearchStudy


def search_facts(folder: Path, plan: SweepPlan) -> dict[str, str]:
    """Returns how the trials ended, which is the best, and which of its values are on a bound."""
    settings = SearchSettings.from_plan(plan)
    trials = SearchStudy(folder / layout.JOURNAL, settings)
    kinds = Counter(trials.describe_state(trial) for trial in trials.all_trials())
    if to_come := trials.count_remaining():
        kinds["to come"] = to_come
    facts = {"trials": ", ".join(f"{count} {kind}" for kind, count in kinds.items())}
    if others := locked_trials(folder, trials):
        facts["under way"] = f"{len(others)} trials in other processes"
    complete = [trial for trial in trials.all_trials() if trial.state == TrialState.COMPLETE]
    if complete:
        best = min(complete, key=lambda trial: trial.value or 0.0)
        words = trials.format_values(best)
        shown = " ".join(f"{key}={value}" for key, value in words.items())
        count = len(settings.seeds)
        mean = f", the mean of {count} seeds" if count > 1 else ""
        facts["best"] = f"{shown} ({format_number(best.value or 0.0)}{mean}), trial {best.number}"
        if bounds := list(describe_bounds(settings, words)):
            facts["note"] = "; ".join(bounds)
    return facts


def describe_bounds(settings: SearchSettings, words: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each value of the best trial that is on a bound of its range."""
    for key, given in settings.dimensions().items():
        if bound := given.find_bound(words[key]):
            yield (
                f"{key}={words[key]} is on the {bound} bound of {given.text}: beyond it may be "
                "better; search a wider range"
            )
