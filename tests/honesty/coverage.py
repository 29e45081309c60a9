"""How often 95 % intervals hold the value of the population that the runs were drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from genrun.statistics.bootstrap import stratified_bootstrap
from genrun.statistics.interval import Interval
from genrun.statistics.means import (
    interquartile_mean,
    iqm_interval,
    mean_interval,
    stratified_mean_interval,
)
from genrun.statistics.paired_tests import compare_pair
from genrun.statistics.rank_tests import probability_of_improvement
from tests.honesty.cells import Cell
from tests.honesty.pools import PairPool, Pool, pair_pools, single_pools

SEEDS = (5, 10, 20)
LEAST, MOST = 0.93, 0.97
RESAMPLES = 2_000  # each of thousands of times; more resamples narrow the percentiles' noise alone

Array = NDArray[np.float64]
Draw = Callable[[int], Interval]


def coverage(trials: int, generator: np.random.Generator) -> Iterator[Cell]:
    for pool in single_pools():
        yield from _of_one(pool, trials, generator)
    for pairs in pair_pools():
        yield from _of_pairs(pairs, trials, generator)
    yield from _of_strata(trials, generator)


def share_held(draw: Draw, seeds: int, truth: float, trials: int) -> float:
    held = 0
    for _ in range(trials):
        found = draw(seeds)
        # A value drawn so often that it is all of the interval holds it up to rounding.
        slack = 1e-12 * abs(truth)
        held += found.low - slack <= truth <= found.high + slack
    return held / trials


def _of_one(pool: Pool, trials: int, generator: np.random.Generator) -> Iterator[Cell]:
    def drawn(seeds: int) -> list[float]:
        return generator.choice(pool.values, seeds).tolist()

    iqm = interquartile_mean(pool.values.tolist())
    draws: dict[str, tuple[Draw, float]] = {
        "mean": (lambda n: mean_interval(drawn(n)), float(pool.values.mean())),
        "interquartile mean": (lambda n: iqm_interval([drawn(n)], 0, 0), iqm),
        "improvement, unpaired": (
            lambda n: probability_of_improvement(drawn(n), drawn(n)),
            0.5,
        ),
    }
    for what, (draw, truth) in draws.items():
        for seeds in SEEDS:
            share = share_held(draw, seeds, truth, trials)
            # The probability's intervals are cautious: only too narrow ones are counted against.
            most = None if what.startswith("improvement") else MOST
            yield Cell(what, pool.name, seeds, trials, share, LEAST, most)
    few = max(trials // 5, 1)
    for seeds in SEEDS:
        share = share_held(lambda n: _resampled(drawn(n), generator), seeds, iqm, few)
        yield Cell("interquartile mean, by bootstrap", pool.name, seeds, few, share)


def _resampled(values: list[float], generator: np.random.Generator) -> Interval:
    def middle(runs: Array) -> Array:
        cut = runs.shape[-1] // 4
        return np.sort(runs, axis=-1)[:, cut : runs.shape[-1] - cut].mean(axis=-1)

    return stratified_bootstrap([values], middle, RESAMPLES, int(generator.integers(2**31)))


def _of_pairs(pairs: PairPool, trials: int, generator: np.random.Generator) -> Iterator[Cell]:
    noise = f"{pairs.name}, two rates"

    def drawn(seeds: int) -> tuple[list[float], list[float]]:
        chosen = generator.integers(pairs.first.size, size=seeds)
        return pairs.first[chosen].tolist(), pairs.second[chosen].tolist()

    def difference(seeds: int) -> Interval:
        first, second = (dict(enumerate(side)) for side in drawn(seeds))
        return compare_pair(first, second).difference

    def improvement(seeds: int) -> Interval:
        return probability_of_improvement(*drawn(seeds), paired=True)

    mean = float((pairs.second - pairs.first).mean())
    above = pairs.second[:, None] - pairs.first
    wins = float(((above > 0) + 0.5 * (above == 0)).mean())
    for seeds in SEEDS:
        share = share_held(difference, seeds, mean, trials)
        yield Cell("paired difference", noise, seeds, trials, share, LEAST, MOST)
    for seeds in SEEDS:
        share = share_held(improvement, seeds, wins, trials)
        yield Cell("improvement, paired", noise, seeds, trials, share, LEAST)


def _of_strata(trials: int, generator: np.random.Generator) -> Iterator[Cell]:
    """Every pool a workload, in units of its own deviation."""
    pools = [pool.values for pool in single_pools()]
    strata = [(values - values.mean()) / values.std() for values in pools]
    iqm = interquartile_mean(np.concatenate(strata).tolist())
    noise = f"{len(strata)} workloads"

    def drawn(seeds: int) -> Sequence[list[float]]:
        return [generator.choice(stratum, seeds).tolist() for stratum in strata]

    def middle(seeds: int) -> Interval:
        return iqm_interval(drawn(seeds), RESAMPLES, int(generator.integers(2**31)))

    for seeds in SEEDS:
        share = share_held(lambda n: stratified_mean_interval(drawn(n)), seeds, 0.0, trials)
        yield Cell("mean", noise, seeds, trials, share, LEAST, MOST)
    few = max(trials // 10, 1)
    for seeds in (*SEEDS, 30, 50):
        number = trials if seeds in SEEDS else few
        what = "interquartile mean" + ("" if seeds in SEEDS else ", by bootstrap")
        share = share_held(middle, seeds, iqm, number)
        judged = (LEAST, MOST) if seeds in SEEDS else (None, None)
        yield Cell(what, noise, seeds, number, share, *judged)
