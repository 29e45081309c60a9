"""Contestants of a workload against each other, two at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from genrun.comparison.contestants import filled
from genrun.comparison.verdict import ContestantResult, Pair, Quality
from genrun.core.formatting import round_to_one_digit
from genrun.statistics.paired_tests import (
    PairComparison,
    compare_pair,
    holm_adjust,
    improvement_by_seed,
    seeds_to_decide,
)
from genrun.statistics.rank_tests import mann_whitney_p_value

LEVEL = 0.05
DECIDES = 0.045  # what p must be at most: by 0.05 real noise tells equals apart in up to 5.5 %
MOST_SEEDS = 1000  # more than anyone would run to decide one difference
MOST_CONTESTANTS = 40  # whose pairs are all compared: 780 pairs


@dataclass(frozen=True)
class Side:
    """A contestant in a pair: its values by seed, infinite where it failed."""

    standing: ContestantResult
    quality: Quality


def compare_all(
    sides: Sequence[Side], worst: float | None, difference: float | None
) -> list[Pair]:
    """Every pair of the best `MOST_CONTESTANTS`, without its sentence.

    Where pairs are left out, Holm's correction counts them as pairs without a difference, so that
    choosing whom to compare by the values themselves makes no false verdict likelier.
    """
    of_all = number_of_pairs(sides)
    couples = list(itertools.combinations(sides[:MOST_CONTESTANTS], 2))
    pairs = [_compare(first, second, worst) for first, second in couples]
    known = [pair.p_value for pair, _ in pairs if pair.p_value is not None]
    left_out = [1.0] * (of_all - len(couples))
    adjusted = iter(holm_adjust([*known, *left_out]))
    found = []
    for pair, deviation in pairs:
        p_value = None if pair.p_value is None else next(adjusted)
        decided = p_value is not None and p_value <= DECIDES
        more, worth = _more_seeds(pair, deviation, difference, of_all)
        if by_rank_only(pair):
            more = None  # of t, which failures in the means mislead
        found.append(
            replace(
                pair,
                adjusted=p_value,
                decided=decided,
                more_seeds=None if decided else more,
                worth=None if decided else worth,
            )
        )
    return found


def number_of_pairs(sides: Sequence[Side]) -> int:
    """Of all, those that are left out among them: what Holm's correction is for."""
    return len(sides) * (len(sides) - 1) // 2


def by_rank_only(pair: Pair) -> bool:
    """Whether its interval excludes zero and its ranks, failures being the worst, do not."""
    low = pair.difference.low
    return low is not None and low > 0 and pair.p_value is not None and pair.p_value > LEVEL


def _compare(one: Side, other: Side, worst: float | None) -> tuple[Pair, float | None]:
    """The first is the one with the lower mean, of the seeds that were compared."""
    first, second, found = one, other, _comparison(one.quality, other.quality, worst)
    if found.difference.value < 0:
        first, second, found = other, one, _comparison(other.quality, one.quality, worst)
    pair = Pair(
        first=first.standing.label,
        second=second.standing.label,
        pairs=found.pairs,
        difference=found.difference,
        p_value=_p_value(first.quality, second.quality, found.p_value),
        adjusted=None,
        improvement=improvement_by_seed(first.quality.values, second.quality.values),
        decided=False,
        more_seeds=None,
        worth=None,
        sentence="",
    )
    return pair, found.deviation


def _p_value(first: Quality, second: Quality, of_means: float | None) -> float | None:
    """Where runs failed, a difference must show by rank too, whatever a failure counts as.

    Values of which some are the same stand-in are nothing like normal: of equal contestants half
    of whose runs fail, t alone takes two with 2 seeds each for different in 11 %, three with 10
    seeds each in 7 %.
    """
    if of_means is None or not (first.failed or second.failed):
        return of_means
    return max(of_means, mann_whitney_p_value([*first.values.values()], [*second.values.values()]))


def _comparison(first: Quality, second: Quality, worst: float | None) -> PairComparison:
    """Of finite values: without any in the workload, all are alike."""
    as_worst = 0.0 if worst is None else worst
    return compare_pair(filled(first.values, as_worst), filled(second.values, as_worst))


def _more_seeds(
    pair: Pair, deviation: float | None, difference: float | None, of_all: int
) -> tuple[int | None, float | None]:
    """How many more pairs would find the difference four times in five, after the correction.

    By the level that Holm leaves to the smallest of all p values.
    """
    worth = round_to_one_digit(pair.difference.value) if difference is None else difference
    if deviation is None or not math.isfinite(worth) or worth == 0:
        return None, worth or None
    needed = seeds_to_decide(deviation, worth, level=DECIDES / of_all)
    if needed is None or needed > MOST_SEEDS:
        return None, worth
    return max(needed - _seeds(pair), 0), worth


def _seeds(pair: Pair) -> int:
    return pair.pairs or pair.difference.count // 2
