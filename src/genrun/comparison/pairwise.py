"""Pairwise tests of a workload's contestants, corrected for their number (Holm)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence, Sized
from dataclasses import dataclass

from genrun.comparison.verdict import ContestantResult, Pair, Quality
from genrun.core.formatting import round_to_one_digit
from genrun.results.grouping import fill_failures
from genrun.statistics.paired_tests import (
    PairComparison,
    compare_pair,
    holm_adjust,
    improvement_by_seed,
    seeds_to_decide,
)
from genrun.statistics.rank_tests import mann_whitney_p_value

LEVEL = 0.05
DECIDES = 0.045  # largest p value of a decision; at 0.05 up to 5.5 % were wrong on real noise
MOST_SEEDS = 1000  # more than is practical
MOST_CONTESTANTS = 40  # whose pairs are all compared: 780 pairs


@dataclass(frozen=True)
class Side:
    """A contestant of a pair and its values."""

    standing: ContestantResult
    quality: Quality


def judged_sides(standings: Sequence[ContestantResult]) -> list[Side]:
    """The contestants that have values: at the budget if there is one, else at the end."""
    return [
        Side(one, quality)
        for one in standings
        if (quality := one.at_budget or one.at_end) is not None
    ]


@dataclass(frozen=True)
class _Test:
    """A pair before the correction for the number of pairs; the first has the lower mean."""

    first: Side
    second: Side
    found: PairComparison  # of means, with the worst value for failures
    p_value: float | None


def compare_pairs(
    sides: Sequence[Side], worst: float | None, difference: float | None
) -> list[Pair]:
    """Compares every pair of the best `MOST_CONTESTANTS`.

    If pairs are left out, Holm's correction counts them as pairs without a difference, so that
    choosing whom to compare by the values themselves makes no false verdict likelier.
    """
    of_all = number_of_pairs(sides)
    couples = list(itertools.combinations(sides[:MOST_CONTESTANTS], 2))
    tests = [_test(first, second, worst) for first, second in couples]
    known = [test.p_value for test in tests if test.p_value is not None]
    left_out = [1.0] * (of_all - len(couples))
    corrected = iter(holm_adjust([*known, *left_out]))
    adjusted = [None if test.p_value is None else next(corrected) for test in tests]
    return [
        _pair(test, p_value, difference, of_all)
        for test, p_value in zip(tests, adjusted, strict=True)
    ]


def number_of_pairs(sides: Sized) -> int:
    """Returns the number of all pairs, including those that are not compared."""
    return len(sides) * (len(sides) - 1) // 2


def is_undecided_by_rank(pair: Pair) -> bool:
    """Whether its interval excludes zero and its ranks, failures being the worst, do not."""
    return _is_undecided_by_rank(pair.difference.low, pair.p_value)


def _is_undecided_by_rank(low: float | None, p_value: float | None) -> bool:
    return low is not None and low > 0 and p_value is not None and p_value > LEVEL


def _test(one: Side, other: Side, worst: float | None) -> _Test:
    """Tests two contestants. The first is that with the lower mean of the compared seeds."""
    first, second, found = one, other, _compare(one.quality, other.quality, worst)
    if found.difference.value < 0:
        first, second, found = other, one, _compare(other.quality, one.quality, worst)
    return _Test(first, second, found, _p_value(first.quality, second.quality, found.p_value))


def _pair(test: _Test, adjusted: float | None, difference: float | None, of_all: int) -> Pair:
    first, second, found = test.first, test.second, test.found
    decided = adjusted is not None and adjusted <= DECIDES
    more, worth = _more_seeds(found, difference, of_all)
    if _is_undecided_by_rank(found.difference.low, test.p_value):
        more = None  # it is computed from t, which failures in the means mislead
    return Pair(
        first=first.standing.label,
        second=second.standing.label,
        pairs=found.pairs,
        difference=found.difference,
        p_value=test.p_value,
        adjusted=adjusted,
        improvement=improvement_by_seed(first.quality.values, second.quality.values),
        decided=decided,
        more_seeds=None if decided else more,
        worth=None if decided else worth,
    )


def _p_value(first: Quality, second: Quality, of_means: float | None) -> float | None:
    """Returns the p value; if runs failed, the larger of those by t and by rank.

    Values of which some are the same stand-in are not normal: of equal contestants half of whose
    runs fail, t alone finds a difference between two with 2 seeds each in 11 % of trials, between
    three with 10 seeds each in 7 %.
    """
    if of_means is None or not (first.failed or second.failed):
        return of_means
    return max(of_means, mann_whitney_p_value([*first.values.values()], [*second.values.values()]))


def _compare(first: Quality, second: Quality, worst: float | None) -> PairComparison:
    """Compares finite values; if the workload has none, all are equal."""
    as_worst = 0.0 if worst is None else worst
    return compare_pair(
        fill_failures(first.values, as_worst), fill_failures(second.values, as_worst)
    )


def _more_seeds(
    found: PairComparison, difference: float | None, of_all: int
) -> tuple[int | None, float | None]:
    """Returns how many more seeds would decide which difference, with a power of 80 %.

    At the level that Holm's correction applies to the smallest of all p values.
    """
    worth = round_to_one_digit(found.difference.value) if difference is None else difference
    if found.deviation is None or not math.isfinite(worth) or worth == 0:
        return None, worth or None
    needed = seeds_to_decide(found.deviation, worth, level=DECIDES / of_all)
    if needed is None or needed > MOST_SEEDS:
        return None, worth
    seeds = found.pairs or found.difference.count // 2
    return max(needed - seeds, 0), worth
