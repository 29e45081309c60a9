"""The short version of `make honesty`: fixed draws, bounds that chance alone does not leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scipy import stats

from genrun.statistics.means import interquartile_mean, iqm_interval, mean_interval
from genrun.statistics.paired_tests import seeds_to_decide
from tests.honesty.cells import Cell, table
from tests.honesty.coverage import coverage, share_held
from tests.honesty.pools import pair_pools, single_pools
from tests.honesty.verdicts import LEVEL, decided, false_verdicts, power

TRIALS = 200
CHANCE = 1e-4  # that a bound is broken although the promise is kept


def at_most(share: float, trials: int) -> float:
    return float(stats.binom.ppf(1 - CHANCE, trials, share)) / trials


def test_equal_contestants_are_decided_in_at_most_one_of_twenty() -> None:
    """For each noise, with failures, with shared seeds: draws of three contestants."""
    cells = list(false_verdicts(TRIALS // 8, np.random.default_rng(0)))
    for cell in cells:
        assert cell.share <= at_most(LEVEL, cell.trials), cell
    assert sum(cell.share for cell in cells) / len(cells) < LEVEL
    assert any(cell.share > 0 for cell in cells)  # a rule that never decides would pass too


@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_intervals_hold_what_they_are_of(seeds: int) -> None:
    generator = np.random.default_rng(seeds)
    values = single_pools()[0].values
    least = float(stats.binom.ppf(CHANCE, TRIALS, 0.93)) / TRIALS
    truths: dict[Callable, float] = {
        lambda n: mean_interval(generator.choice(values, n).tolist()): values.mean(),
        lambda n: iqm_interval([generator.choice(values, n).tolist()], 0, 0): interquartile_mean(
            values.tolist()
        ),
    }
    for draw, truth in truths.items():
        assert share_held(draw, seeds, truth, TRIALS) >= least


def test_a_real_difference_is_found_as_often_as_predicted() -> None:
    values = single_pools()[0].values
    generator = np.random.default_rng(1)
    seeds = seeds_to_decide(2**0.5, 1.0)
    shift = np.array([[0.0], [values.std()]])
    found = [decided(generator.choice(values, (2, seeds)) + shift)[0] for _ in range(TRIALS)]
    assert seeds == 18
    assert sum(found) / TRIALS == pytest.approx(0.8, abs=0.11)


def cells_of(part: Callable[..., Iterator[Cell]]) -> list[Cell]:
    return list(part(2, np.random.default_rng(0)))


def test_the_table_has_every_noise_at_every_number_of_seeds() -> None:
    cells = [*cells_of(false_verdicts), *cells_of(coverage), *cells_of(power)]
    for pool in (*single_pools(), *pair_pools()):
        for seeds in (5, 10, 20):
            assert any(pool.name in cell.noise and cell.seeds == seeds for cell in cells)
    lines = table(cells).splitlines()
    assert lines[0].startswith("| % | noise | 5 seeds | 10 seeds |")
    assert len({line.count("|") for line in lines}) == 1


def test_a_share_is_outside_beyond_the_simulations_noise() -> None:
    def cell(share: float) -> Cell:
        return Cell("mean", "made up", 5, 900, share, least=0.93, most=0.97)

    assert [cell(share).outside for share in (0.89, 0.92, 0.95, 0.975, 0.995)] == [
        True, False, False, False, True,
    ]  # fmt: skip


def test_the_pools_are_of_80_seeds_and_shared_ones_correlate() -> None:
    for pool in single_pools():
        assert pool.values.size == 80
        assert pool.worst > pool.values.max()
    for pairs in pair_pools():
        assert 0.5 < pairs.correlation < 1.0
