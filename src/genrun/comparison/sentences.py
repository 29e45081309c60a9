"""The sentences of a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from genrun.comparison.naming import with_unit
from genrun.comparison.pairwise import (
    DECIDES,
    LEVEL,
    MOST_SEEDS,
    Side,
    is_undecided_by_rank,
    judged_sides,
    number_of_pairs,
)
from genrun.comparison.verdict import ContestantResult, Pair, Quality, WorkloadVerdict
from genrun.core.formatting import format_aligned, pluralize, shorten
from genrun.results.grouping import EVERYTHING

LONGEST_REASON = 300  # characters of an untrusted text


def describe_workload(verdict: WorkloadVerdict) -> list[str]:
    """Returns a sentence for each pair, and for each contestant that is in none."""
    sides = judged_sides(verdict.standings)
    found = _of_failures(verdict.standings)
    if len(verdict.pairs) > 1 and all(side.quality.seeds == 1 for side in sides):
        found.append(_of_single_seeds(sides, verdict.metric))
    else:
        found += describe_pairs(verdict)
    if len(sides) == 1:
        found.append(_of_single(sides[0], verdict.metric))
    compared = {side.standing.label for side in sides}
    found += [_of_unfinished(one) for one in verdict.standings if one.label not in compared]
    return found


def describe_pairs(verdict: WorkloadVerdict) -> list[str]:
    """Returns a sentence for each pair of a workload, in the order of its pairs."""
    sides = {side.standing.label: side for side in judged_sides(verdict.standings)}
    number = number_of_pairs(sides)
    return [_describe_pair(pair, sides, verdict.metric, number) for pair in verdict.pairs]


def _failed(standing: ContestantResult) -> str:
    number = len(standing.runs)
    if standing.label == EVERYTHING:
        return f"all {number} runs failed" if number > 1 else "the only run failed"
    if _never_sound(standing):
        return f"{standing.name} failed in all {len(standing.tuning.trials)} trials"
    return f"{standing.name} failed in {_all(number)}"


def _of_single_seeds(sides: Sequence[Side], metric: str) -> str:
    """One sentence for all pairs of contestants with a single seed each."""
    first = sides[0].standing
    best, worst = format_aligned(sides[0].quality.mean.value, sides[-1].quality.mean.value)
    return (
        f"undecided between {pluralize(len(sides), 'contestant')}: one seed each gives no "
        f"measure of uncertainty; {first.name} came lowest, {with_unit(best, metric)}, the "
        f"highest is {worst}"
    )


def _of_unfinished(standing: ContestantResult) -> str:
    if standing.left:
        return f"{standing.name} is not compared: none of its runs has ended"
    return f"{standing.name} is not compared: no run of it came to a value of its own"


def _of_failures(standings: Sequence[ContestantResult]) -> list[str]:
    """A sentence for each contestant all of whose runs failed."""
    return [
        f"{_failed(one)}: {shorten(next(iter(one.failures.values())), LONGEST_REASON)}"
        for one in standings
        if one.runs and len(one.failures) == len(one.runs)
    ]


def _describe_pair(pair: Pair, sides: Mapping[str, Side], metric: str, number: int) -> str:
    """`number` is that of all pairs of the workload."""
    first, second = sides[pair.first], sides[pair.second]
    names = first.standing.name, second.standing.name
    if _all_failed(first.quality):
        return f"undecided between {names[0]} and {names[1]}: both failed in all their runs"
    if first.standing.confirmed and _never_sound(second.standing):
        trials = len(second.standing.tuning.trials)
        return (
            f"{names[1]} has lost to {names[0]}: none of its {trials} trials came to a sound end"
        )
    if _all_failed(second.quality):
        failed = f"{names[1]}, which failed in {_all(second.quality.seeds)}"
        if pair.decided:
            return f"{names[0]} beats {failed}"
        return f"undecided between {names[0]} and {failed}: too few runs to be sure"
    remarks = _failures(first) + _failures(second) + _trials(first, second)
    by, low, high = format_aligned(
        pair.difference.value, pair.difference.low, pair.difference.high
    )
    interval = "" if pair.difference.low is None else f"{low} to {high}, "
    if pair.decided:
        where = f"(95 % interval {interval}{_seeds(pair, sides)})"
        return f"{names[0]} beats {names[1]} by {with_unit(by, metric)} {where}{remarks}"
    corrected = _corrected(pair, number)
    where = f"({interval}{_seeds(pair, sides)}{corrected})"
    outlook = _outlook(pair, metric)
    return (
        f"undecided between {names[0]} and {names[1]}: {with_unit(by, metric)} {where}{remarks}; "
        f"{outlook}"
    )


def _of_single(side: Side, metric: str) -> str:
    """A sentence for the only contestant."""
    standing, quality = side.standing, side.quality
    alone = (
        "the runs differ in nothing but seeds, so nothing can be compared"
        if standing.label == EVERYTHING
        else f"{standing.name} is the only contestant, so nothing can be compared"
    )
    if quality.failed == quality.seeds:
        return alone
    value, low, high = format_aligned(quality.mean.value, quality.mean.low, quality.mean.high)
    interval = "" if quality.mean.low is None else f"95 % interval {low} to {high}, "
    seeds = pluralize(quality.seeds, "seed")
    return f"{alone}; the mean is {with_unit(value, metric)} ({interval}{seeds})"


def _outlook(pair: Pair, metric: str) -> str:
    """How many more seeds would decide the pair."""
    if is_undecided_by_rank(pair):
        return "too few runs for a verdict with failures"
    if pair.p_value is None:
        return "an interval needs at least two seeds of each"
    if pair.worth is None:
        return "no number of seeds would decide between equals"
    worth = with_unit(f"{pair.worth:g}", metric)
    if pair.more_seeds is None:
        return f"no practical number of seeds (up to {MOST_SEEDS:,}) would decide {worth}"
    if pair.more_seeds == 0:
        return f"a difference of {worth} would have shown with these seeds, four times in five"
    return f"about {pluralize(pair.more_seeds, 'more seed')} would decide a difference of {worth}"


def _corrected(pair: Pair, number: int) -> str:
    """The p value, if a pair is undecided although its interval excludes zero."""
    if is_undecided_by_rank(pair):
        return f"; p = {pair.p_value:.2g} by rank"
    if pair.p_value is None or pair.adjusted is None or pair.p_value > LEVEL:
        return ""
    if number == 1:
        return f"; p = {pair.adjusted:.2g}, and a verdict takes {DECIDES}"
    return f"; p = {pair.adjusted:.2g} by Holm over {pluralize(number, 'pair')}"


def _seeds(pair: Pair, sides: Mapping[str, Side]) -> str:
    if pair.pairs:
        return f"{pair.pairs} paired seed{'' if pair.pairs == 1 else 's'}"
    numbers = [sides[label].quality.seeds for label in (pair.first, pair.second)]
    if numbers == [1, 1]:
        return "one seed each"
    return f"{numbers[0]} and {numbers[1]} seeds, unpaired"


def _failures(side: Side) -> str:
    """The failures that are in the mean as the worst value."""
    failed, name = side.quality.failed, side.standing.name
    if not failed:
        return ""
    return (
        f"; {failed} of {name}'s {pluralize(side.quality.seeds, 'run')} failed and count as worst"
    )


def _trials(first: Side, second: Side) -> str:
    """The numbers of trials, if they differ."""
    one, other = (len(side.standing.tuning.trials) for side in (first, second))
    if one == other:
        return ""
    names = first.standing.name, second.standing.name
    return f"; {names[0]} had {pluralize(one, 'trial')}, {names[1]} {other:,}"


def _never_sound(standing: ContestantResult) -> bool:
    """Whether several configurations of it were tried, and all failed."""
    trials = standing.tuning.trials
    return not standing.confirmed and len(trials) > 1 and all(trial.failed for trial in trials)


def _all_failed(quality: Quality) -> bool:
    return quality.failed == quality.seeds


def _all(number: int) -> str:
    return f"all {number} runs" if number > 1 else "its only run"
