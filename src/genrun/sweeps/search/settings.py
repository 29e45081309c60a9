"""The settings of a search: read from its command line and its sweeper, checked, recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from genrun.config.limits import bounds_of_choice
from genrun.config.multirun import MOST_JOBS, without_sweep_overrides
from genrun.config.overrides import key_of
from genrun.core.errors import ConfigError
from genrun.sweeps.plan import SweepPlan
from genrun.sweeps.search.space import RANGE, Dimension, Range, has_several_values, parse_dimension

SAMPLERS = ("random", "qmc", "tpe", "grid")
SWEEPER_KEYS = ("_target_", "sampler", "trials", "seeds", "seed", "batch", "space", "params")
NOT_SEARCHED = ("hydra", "plugins", "seed", "sweep", "experiment")
OLDEST_OPTUNA = (4, 9)


@dataclass(frozen=True)
class SearchOverrides:
    """The overrides of a search's command line, by what they are for."""

    base: list[str]  # shared by all trials
    space: dict[str, str]  # dimensions as text, by key
    seeds: list[str]  # of each trial's runs, if the command line lists them


@dataclass(frozen=True)
class SearchSettings:
    """The settings of a search that plan.json records."""

    sampler: str
    trials: int
    seeds: list[int]  # of each trial's runs
    seed: int  # of the sampler
    batch: int  # jobs at once, for launchers that take lists
    space: dict[str, str]
    words: list[str]  # overrides shared by all trials
    config_dir: str | None
    made: dict[str, list[str]] = field(default_factory=dict)  # job names by trial number

    @classmethod
    def from_plan(cls, plan: SweepPlan) -> SearchSettings:
        """Reads the settings of a search. Raises `ConfigError` if the sweep is not a search."""
        if plan.search is None:
            raise ConfigError("this sweep is not a search")
        return cls(**{key: plan.search[key] for key in cls.__annotations__})

    def dimensions(self) -> dict[str, Dimension]:
        """Returns the parsed dimensions of the space, by key."""
        return {key: parse_dimension(key, text) for key, text in self.space.items()}


def split_overrides(words: Sequence[str]) -> SearchOverrides:
    """Splits overrides into those shared by all trials and those searched.

    Raises `ConfigError` if one cannot be parsed.
    """
    without_sweep_overrides(words)  # raises if one cannot be parsed
    base, space, seeds = [], {}, []
    for word in words:
        key, _, text = word.partition("=")
        several = "=" in word and not key.startswith("~") and has_several_values(key, text)
        hydra = key_of(word).startswith("hydra")
        if hydra and several and not RANGE.fullmatch(text.strip()):
            raise ConfigError(
                f"{word}: a setting of Hydra has one value; quote it if it has commas"
            )
        if hydra or not several:
            base.append(word)
        elif key == "seed":
            seeds = parse_dimension(key, text).values() or [text]
        else:
            space[key] = text
    if not all(seed.isdecimal() for seed in seeds):
        raise ConfigError(
            f"seed={','.join(seeds)}: must be integers of at least 0, such as 0,1,2 or int 0..2"
        )
    return SearchOverrides(base, space, seeds)


def check_optuna() -> None:
    """Raises `ConfigError` if Optuna is missing or too old."""
    try:
        installed = version("optuna")
    except PackageNotFoundError:
        installed = "0"
    if tuple(int(part) for part in installed.split(".")[:2] if part.isdigit()) < OLDEST_OPTUNA:
        raise ConfigError(
            "hydra/sweeper: a search needs Optuna 4.9 or newer: pip install 'genrun[tune]'"
        )


def check_settings(
    sweeper: Mapping[str, Any], overrides: SearchOverrides
) -> tuple[dict[str, str], int]:
    """Returns the space, as text by key, and the number of trials. Raises `ConfigError`."""
    for name in sweeper:
        if name not in SWEEPER_KEYS:
            known = ", ".join(SWEEPER_KEYS)
            raise ConfigError(f"hydra.sweeper.{name}: there is no such key ({known})")
    sampler = sweeper["sampler"]
    if sampler not in SAMPLERS:
        raise ConfigError(f"hydra.sweeper.sampler={sampler}: must be {', '.join(SAMPLERS)}")
    for name in ("trials", "seeds", "seed", "batch"):
        _check_number(name, sweeper[name], may_be_null=name == "trials" and sampler == "grid")
    space = {**dict(_flatten("", sweeper["params"])), **dict(_flatten("", sweeper["space"]))}
    space |= overrides.space
    _check_keys(space, overrides)
    dimensions = {key: parse_dimension(key, text) for key, text in space.items()}
    points = _count_points(sampler, dimensions)
    trials = points if sweeper["trials"] is None else min(sweeper["trials"], points)
    seeds = len(overrides.seeds) or sweeper["seeds"]
    if overrides.seeds and sweeper["seeds"] > 1:
        raise ConfigError(f"hydra.sweeper.seeds={sweeper['seeds']}: seed lists the seeds already")
    if trials * seeds > MOST_JOBS:
        raise ConfigError(f"the search has more than {MOST_JOBS} runs; use fewer trials or seeds")
    return {key: dimension.text for key, dimension in dimensions.items()}, trials


def max_trials(settings: SearchSettings) -> int:
    """Returns how many trials a search may be extended to."""
    points = _count_points(settings.sampler, settings.dimensions())
    return min(points, MOST_JOBS // len(settings.seeds))


def _check_number(name: str, value: Any, may_be_null: bool) -> None:
    if value is None and may_be_null:
        return
    bound = bounds_of_choice("hydra/sweeper", "random")[name]
    if not isinstance(value, int) or isinstance(value, bool) or not bound.allows(value):
        raise ConfigError(f"hydra.sweeper.{name}={value}: must be an integer {bound.text}")


def _flatten(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yields keys and texts: `a: {b: TEXT}` is `a.b: TEXT`, and a list becomes its choices."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flatten(f"{key}.{name}" if key else str(name), inner)
    elif isinstance(value, list):
        yield key, ",".join(map(str, value))
    elif value is not None:
        yield key, str(value)


def _check_keys(space: Mapping[str, str], overrides: SearchOverrides) -> None:
    if not space:
        raise ConfigError(
            "hydra.sweeper.space: is empty; search a key on the command line, such as "
            "'optimizer.lr=log 1e-5..1e-1' or optimizer=adam,rmsprop"
        )
    fixed = {key_of(word) for word in overrides.base}
    for key in space:
        name = key_of(key)
        if name.split(".")[0].split("/")[0] in NOT_SEARCHED:
            raise ConfigError(f"{key}={space[key]}: cannot be searched")
        if name in fixed:
            raise ConfigError(
                f"{key}={space[key]}: is searched, but the command line also sets it to one value"
            )


def _count_points(sampler: str, dimensions: Mapping[str, Dimension]) -> int:
    """Returns how many points a grid has; for other samplers, more than there may be trials.

    Raises `ConfigError` if the sampler does not support a dimension.
    """
    if sampler != "grid":
        for key, dimension in dimensions.items():
            if isinstance(dimension, Range) and dimension.count is not None:
                raise ConfigError(
                    f"{key}={dimension.text}: A..B/N works only with hydra/sweeper=grid"
                )
        return MOST_JOBS + 1
    points = 1
    for key, dimension in dimensions.items():
        values = dimension.values()
        if values is None:
            raise ConfigError(
                f"{key}={dimension.text}: has too many values for a grid; append /5 for five"
            )
        points *= len(values)
    if points > MOST_JOBS:
        raise ConfigError(f"the grid has more than {MOST_JOBS} points; use fewer values")
    return points
