"""Optuna's samplers; a draw is a function of the seed, the number of the trial and the past."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Mapping
from typing import Any

from optuna import Study
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from genrun.runs.optuna_journal import quiet
from genrun.sweeps.search.space import Choices, Dimension, Range

MOST_SEED = 2**32  # of numpy's generators


def distributions(sampler: str, space: Mapping[str, Dimension]) -> dict[str, BaseDistribution]:
    """What Optuna is to draw from. A grid has nothing but values."""
    return {key: _distribution(given, sampler == "grid") for key, given in space.items()}


def _distribution(given: Dimension, as_values: bool) -> BaseDistribution:
    if isinstance(given, Choices) or as_values:
        return CategoricalDistribution(given.values() or [])
    if given.whole:
        return IntDistribution(round(given.low), round(given.high), log=given.log)
    return FloatDistribution(given.low, given.high, log=given.log)


def word_of(given: Dimension, value: Any) -> str:
    """A value that Optuna drew as a word has it."""
    return given.word(value) if isinstance(given, Range) and not isinstance(value, str) else value


def make_sampler(
    name: str, seed: int, number: int, space: Mapping[str, BaseDistribution]
) -> BaseSampler:
    """For one draw, the trial's `number`: what was drawn before comes from the study alone."""
    own = int.from_bytes(hashlib.sha256(f"{seed},{number}".encode()).digest()[:4])
    with quiet():
        if name == "tpe":  # constant_liar: trials that still run keep others from their place
            return TPESampler(seed=own, constant_liar=True)
        if name == "qmc":
            first = RandomSampler(seed=own)
            return QMCSampler(scramble=True, seed=seed % MOST_SEED, independent_sampler=first)
        return GridInOrder(space, seed) if name == "grid" else RandomSampler(seed=own)


class GridInOrder(BaseSampler):
    """Each point of a grid once, in an order from the seed: a part of it covers the whole evenly.

    Optuna's own gives a point up when the process is killed that had just asked for it.
    """

    def __init__(self, space: Mapping[str, BaseDistribution], seed: int) -> None:
        self._space = dict(space)
        values = [d.choices for d in space.values() if isinstance(d, CategoricalDistribution)]
        self._points = [dict(zip(space, p, strict=True)) for p in itertools.product(*values)]
        random.Random(seed).shuffle(self._points)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        others = study.get_trials(deepcopy=False)
        tried = [other.params for other in others if other.number != trial.number]
        return next((point for point in self._points if point not in tried), self._points[0])

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        raise AssertionError("a grid's points are drawn whole")
