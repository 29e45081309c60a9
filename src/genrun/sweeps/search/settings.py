"""What a search was told, checked: the words of its command line and its sweeper's settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from genrun.config.limits import LIMITS
from genrun.config.multirun import MOST_JOBS, plain_words
from genrun.config.overrides import key_of
from genrun.core.errors import ConfigError
from genrun.sweeps.plan import SweepPlan
from genrun.sweeps.search.space import RANGE, Dimension, Range, dimension, is_searched

SAMPLERS = ("random", "qmc", "tpe", "grid")
KNOWN = ("_target_", "sampler", "trials", "seeds", "seed", "batch", "space", "params")
NOT_SEARCHED = ("hydra", "plugins", "seed", "sweep", "experiment")
OLDEST_OPTUNA = (4, 9)


@dataclass(frozen=True)
class Words:
    """A search's command line, taken apart."""

    base: list[str]  # what all trials share
    space: dict[str, str]
    seeds: list[str]


@dataclass(frozen=True)
class Settings:
    """What plan.json keeps of a search."""

    sampler: str
    trials: int
    seeds: list[int]  # of each trial's runs
    seed: int  # of the sampler
    batch: int  # trials at once where the launcher takes lists
    space: dict[str, str]
    words: list[str]  # what all trials share
    config_dir: str | None
    made: dict[str, list[str]] = field(default_factory=dict)  # names of jobs by number of trial

    def dimensions(self) -> dict[str, Dimension]:
        return {key: dimension(key, text) for key, text in self.space.items()}


def settings_of(plan: SweepPlan) -> Settings:
    """Raises `ConfigError` where the plan is none of a search."""
    if plan.search is None:
        raise ConfigError("this sweep is no search")
    return Settings(**{key: plan.search[key] for key in Settings.__annotations__})


def take_apart(words: Sequence[str]) -> Words:
    """Which words are the same in all trials, and which span the space."""
    plain_words(words)  # says what cannot be read
    base, space, seeds = [], {}, []
    for word in words:
        key, _, text = word.partition("=")
        several = "=" in word and not key.startswith("~") and is_searched(key, text)
        hydra = key_of(word).startswith("hydra")
        if hydra and several and not RANGE.fullmatch(text.strip()):
            raise ConfigError(f"{word}: several values of a setting of Hydra; put quotes around")
        if hydra or not several:
            base.append(word)
        elif key == "seed":
            seeds = dimension(key, text).values() or [text]
        else:
            space[key] = text
    if not all(seed.isdecimal() for seed in seeds):
        raise ConfigError(f"seed={','.join(seeds)}: must be integers from 0, as 0,1,2 or int 0..2")
    return Words(base, space, seeds)


def check_optuna() -> None:
    """Raises `ConfigError` where the extra is not installed."""
    try:
        found = version("optuna")
    except PackageNotFoundError:
        found = "0"
    if tuple(int(part) for part in found.split(".")[:2] if part.isdigit()) < OLDEST_OPTUNA:
        raise ConfigError(
            "hydra/sweeper: a search needs Optuna 4.9 or newer: pip install 'genrun[tune]'"
        )


def check_settings(sweeper: Mapping[str, Any], words: Words) -> tuple[dict[str, str], int]:
    """The space, each dimension by its key, and the number of trials. Raises `ConfigError`."""
    for name in sweeper:
        if name not in KNOWN:
            raise ConfigError(f"hydra.sweeper.{name}: there is no such key ({', '.join(KNOWN)})")
    sampler = sweeper["sampler"]
    if sampler not in SAMPLERS:
        raise ConfigError(f"hydra.sweeper.sampler={sampler}: must be {', '.join(SAMPLERS)}")
    for name in ("trials", "seeds", "seed", "batch"):
        _check_number(name, sweeper[name], may_be_null=name == "trials" and sampler == "grid")
    space = {**dict(_texts("", sweeper["params"])), **dict(_texts("", sweeper["space"]))}
    space |= words.space
    _check_keys(space, words)
    dimensions = {key: dimension(key, text) for key, text in space.items()}
    points = _count_points(sampler, dimensions)
    trials = points if sweeper["trials"] is None else min(sweeper["trials"], points)
    seeds = len(words.seeds) or sweeper["seeds"]
    if words.seeds and sweeper["seeds"] > 1:
        raise ConfigError(f"hydra.sweeper.seeds={sweeper['seeds']}: the seeds are given already")
    if trials * seeds > MOST_JOBS:
        raise ConfigError(f"a search of more than {MOST_JOBS} runs; give fewer trials or seeds")
    return {key: given.text for key, given in dimensions.items()}, trials


def most_trials(settings: Settings) -> int:
    """How many trials a search could have."""
    points = _count_points(settings.sampler, settings.dimensions())
    return min(points, MOST_JOBS // len(settings.seeds))


def _check_number(name: str, value: Any, may_be_null: bool) -> None:
    if value is None and may_be_null:
        return
    limit = LIMITS[name]
    if not isinstance(value, int) or isinstance(value, bool) or not limit.allows(value):
        raise ConfigError(f"hydra.sweeper.{name}={value}: must be an integer {limit.text}")


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """`a: {b: TEXT}` and `a.b: TEXT` alike as key and text; a list is its choices."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(f"{key}.{name}" if key else str(name), inner)
    elif isinstance(value, list):
        yield key, ",".join(map(str, value))
    elif value is not None:
        yield key, str(value)


def _check_keys(space: Mapping[str, str], words: Words) -> None:
    if not space:
        raise ConfigError(
            "hydra.sweeper.space: is empty; give it KEY: TEXT, or KEY=TEXT as a word, such as "
            "'optimizer.lr=log 1e-5..1e-1' or optimizer=adam,rmsprop"
        )
    given = {key_of(word) for word in words.base}
    for key in space:
        name = key_of(key)
        if name.split(".")[0].split("/")[0] in NOT_SEARCHED:
            raise ConfigError(f"{key}={space[key]}: cannot be searched")
        if name in given:
            raise ConfigError(f"{key}={space[key]}: is searched, and is given one value too")


def _count_points(sampler: str, dimensions: Mapping[str, Dimension]) -> int:
    """How many points a grid has; of the others, more than there may be trials.

    Raises `ConfigError` where a dimension does not suit the sampler.
    """
    if sampler != "grid":
        for key, given in dimensions.items():
            if isinstance(given, Range) and given.parts is not None:
                raise ConfigError(f"{key}={given.text}: A..B/N is for hydra/sweeper=grid")
        return MOST_JOBS + 1
    points = 1
    for key, given in dimensions.items():
        values = given.values()
        if values is None:
            raise ConfigError(
                f"{key}={given.text}: has too many values for a grid; {given.text}/5 is five"
            )
        points *= len(values)
    if points > MOST_JOBS:
        raise ConfigError(f"a grid of more than {MOST_JOBS} points; give fewer values")
    return points
