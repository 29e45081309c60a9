"""Optuna's samplers, seeded so that a trial depends on the seed, its number and earlier trials."""

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

from genrun.runs.optuna_journal import silence_optuna
from genrun.sweeps.search.space import Choices, Dimension, Range

MAX_SEED = 2**32  # of numpy's generators


def make_distributions(
    sampler: str, space: Mapping[str, Dimension]
) -> dict[str, BaseDistribution]:
    """Returns the space as Optuna's distributions; a grid has categorical ones only."""
    return {key: _distribution(dimension, sampler == "grid") for key, dimension in space.items()}


def _distribution(dimension: Dimension, categorical: bool) -> BaseDistribution:
    if isinstance(dimension, Choices) or categorical:
        return CategoricalDistribution(dimension.values() or [])
    if dimension.integer:
        return IntDistribution(round(dimension.low), round(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def format_value(dimension: Dimension, value: Any) -> str:
    """Returns a value that Optuna drew as an override writes it."""
    if isinstance(dimension, Range) and not isinstance(value, str):
        return dimension.format(value)
    return str(value)


def make_sampler(
    name: str, seed: int, number: int, space: Mapping[str, BaseDistribution]
) -> BaseSampler:
    """Makes the sampler of one trial, by its `number`; it learns earlier trials from the study."""
    trial_seed = int.from_bytes(hashlib.sha256(f"{seed},{number}".encode()).digest()[:4])
    with silence_optuna():
        if name == "tpe":  # constant_liar: running trials keep others away from their values
            return TPESampler(seed=trial_seed, constant_liar=True)
        if name == "qmc":
            first = RandomSampler(seed=trial_seed)
            return QMCSampler(scramble=True, seed=seed % MAX_SEED, independent_sampler=first)
        if name == "grid":
            return ShuffledGridSampler(space, seed)
        return RandomSampler(seed=trial_seed)


class ShuffledGridSampler(BaseSampler):
    """Draws each point of a grid once, shuffled by the seed so that any prefix is spread out.

    Optuna's own grid sampler loses a point if the process is killed that has just drawn it.
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
        trials = study.get_trials(deepcopy=False)
        drawn = [other.params for other in trials if other.number != trial.number]
        return next((point for point in self._points if point not in drawn), self._points[0])

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        raise AssertionError("sample_relative draws all parameters of a grid's point")
