"""What a search found, and how it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from optuna.trial import TrialState

from genrun.sweeps.plan import Plan
from genrun.sweeps.search.claims import is_claimed
from genrun.sweeps.search.join import JOURNAL
from genrun.sweeps.search.settings import settings_of
from genrun.sweeps.search.space import Range
from genrun.sweeps.search.trials import Trials
from genrun.terminal.style import number
from genrun.terminal.tables import print_line


def show_result(folder: Path, plan: Plan) -> int:
    """Says what the best trial is, and gives how many trials are left to do."""
    settings = settings_of(plan)
    trials = Trials(folder / JOURNAL, settings)
    for line in result_lines(plan, trials):
        print_line(line)
    running = trials.running()
    elsewhere = sum(is_claimed(folder, trial.number) for trial in running)
    if elsewhere:
        print_line(f"{elsewhere} trials are with other processes still")
    return settings.trials - trials.asked() + len(running) - elsewhere


def result_lines(plan: Plan, trials: Trials) -> Iterator[str]:
    """How many trials there are of each kind; the best; which of its values are on a bound."""
    done = trials.all()
    complete = [t for t in done if t.state == TrialState.COMPLETE]
    counts = {
        "complete": len(complete),
        "pruned or diverged": sum(t.state == TrialState.PRUNED for t in done),
        "failed": len(trials.failed()),
    }
    yield "trials: " + ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    if not complete:
        return
    best = min(complete, key=lambda trial: trial.value or 0.0)
    seeds = len(settings_of(plan).seeds)
    words = trials.words(best)
    shown = " ".join(f"{key}={value}" for key, value in words.items())
    mean = f", the mean of {seeds} seeds" if seeds > 1 else ""
    yield f"best: trial {best.number}, {shown} ({number(best.value or 0.0)}{mean})"
    yield from bound_lines(plan, words)


def bound_lines(plan: Plan, words: dict[str, str]) -> Iterator[str]:
    """A best value on the edge of what was searched says that it may be better beyond."""
    for key, given in settings_of(plan).dimensions().items():
        bound = given.bound(words[key]) if isinstance(given, Range) else None
        if bound:
            yield (
                f"{key}={words[key]} is on the {bound} bound of {given.text}: beyond it may be "
                "better; search a wider range"
            )
