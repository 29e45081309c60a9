"""How often the rule of the verdict finds a difference: where there is none, and where there is.

Three contestants, each pair compared with paired seeds, corrected by Holm. Their noise is that of
real runs, drawn with replacement.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from genrun.comparison.pairwise import DECIDES
from genrun.statistics.paired_tests import compare_pair, holm_adjust, seeds_to_decide
from tests.honesty.cells import Cell
from tests.honesty.pools import PairPool, Pool, pair_pools, single_pools

LEVEL = 0.05  # of false verdicts, that may be
SEEDS = (5, 10, 20)
FAILED = 0.1

Array = NDArray[np.float64]
Draw = Callable[[int], Sequence[Array]]  # contestants' values, the same seeds for each


def decided(contestants: Sequence[Array]) -> list[bool]:
    """For each pair whether the verdict is that one beats the other."""
    by_seed = [dict(enumerate(values.tolist())) for values in contestants]
    found = [compare_pair(*pair).p_value for pair in itertools.combinations(by_seed, 2)]
    return [p <= DECIDES for p in holm_adjust([1.0 if p is None else p for p in found])]


def false_verdicts(trials: int, generator: np.random.Generator) -> Iterator[Cell]:
    for noise, draw in _equal_contestants(generator).items():
        for seeds in SEEDS:
            alone = sum(decided(draw(seeds)[:2])[0] for _ in range(trials)) / trials
            yield Cell("false verdict, two alone", noise, seeds, trials, alone, most=LEVEL)
            found = [decided(draw(seeds)) for _ in range(trials)]
            pairs = sum(map(sum, found)) / sum(map(len, found))
            any_pair = sum(map(any, found)) / trials
            yield Cell("false verdict, a pair of 3", noise, seeds, trials, pairs, most=LEVEL)
            yield Cell("false verdict, any of 3", noise, seeds, trials, any_pair, most=LEVEL)


def power(trials: int, generator: np.random.Generator) -> Iterator[Cell]:
    """Two contestants, one of them worse by so many deviations of a run."""
    independent, shared = single_pools()[0], pair_pools()[0]
    draws = {
        "independent runs": _two(independent, generator),
        f"shared seeds, correlated by {shared.correlation:.2f}": _both(shared, generator),
    }
    for size in (0.5, 1.0, 2.0):
        for noise, draw in draws.items():
            for seeds in SEEDS:
                shift = size * float(independent.values.std())
                share = _found(draw, seeds, shift, trials)
                yield Cell(f"power, {size:g} deviations", noise, seeds, trials, share)
    seeds = seeds_to_decide(math.sqrt(2), 1.0)
    assert seeds is not None
    shift = float(independent.values.std())
    share = _found(_two(independent, generator), seeds, shift, trials)
    yield Cell("power, as many as seeds_to_decide says", "independent runs", seeds, trials, share)


def _found(draw: Draw, seeds: int, shift: float, trials: int) -> float:
    found = 0
    for _ in range(trials):
        first, second = draw(seeds)
        found += decided([first, second + shift])[0]
    return found / trials


def _equal_contestants(generator: np.random.Generator) -> dict[str, Draw]:
    draws: dict[str, Draw] = {}
    for pool in single_pools():
        draws[pool.name] = _three(pool, 0.0, generator)
        draws[f"{pool.name}, 10 % failed"] = _three(pool, FAILED, generator)
    for pairs in pair_pools():
        draws[f"{pairs.name}, shared seeds"] = _correlated(pairs, 0.0, generator)
        draws[f"{pairs.name}, shared seeds, 10 % failed"] = _correlated(pairs, FAILED, generator)
    return draws


def _three(pool: Pool, failed: float, generator: np.random.Generator) -> Draw:
    def draw(seeds: int) -> list[Array]:
        values = generator.choice(pool.values, (3, seeds))
        return list(_with_failures(values, failed, pool.worst, generator))

    return draw


def _correlated(pairs: PairPool, failed: float, generator: np.random.Generator) -> Draw:
    """Two rates with the same seeds, brought to the same mean, and a third that shares nothing."""
    both = _both(pairs, generator)

    def draw(seeds: int) -> list[Array]:
        values = np.stack([*both(seeds), generator.choice(pairs.first, seeds)])
        return list(_with_failures(values, failed, pairs.worst, generator))

    return draw


def _both(pairs: PairPool, generator: np.random.Generator) -> Draw:
    level = pairs.first.mean() - pairs.second.mean()

    def draw(seeds: int) -> list[Array]:
        chosen = generator.integers(pairs.first.size, size=seeds)
        return [pairs.first[chosen], pairs.second[chosen] + level]

    return draw


def _two(pool: Pool, generator: np.random.Generator) -> Draw:
    return lambda seeds: list(generator.choice(pool.values, (2, seeds)))


def _with_failures(
    values: Array, failed: float, worst: float, generator: np.random.Generator
) -> Array:
    return np.where(generator.random(values.shape) < failed, worst, values)
