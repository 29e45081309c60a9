"""From a trial's values to the configuration of each of its runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from genrun.config.compose import Composed, compose_each
from genrun.config.overrides import key_of
from genrun.core.errors import ConfigError
from genrun.sweeps.plan import MAX_NAME_LENGTH, UNSAFE_CHARACTERS
from genrun.sweeps.search.space import Choices, Dimension, Range

MAX_COMBINATIONS = 16  # of choices, composed before anything starts
FRACTIONS = (0.0, 0.5, 1.0)  # of each range
MIDDLE = 1  # index of its middle


def compose_run(
    base: Sequence[str], values: Mapping[str, str], seed: int | None, config_dir: str | None
) -> Composed:
    """Composes the checked experiment of one run. Raises `ConfigError`."""
    return _check_point(compose_each([_overrides(base, values, seed)], config_dir)[0])


def compose_corners(
    base: Sequence[str], space: Mapping[str, Dimension], config_dir: str | None
) -> list[Composed]:
    """Composes the lower ends, the middles, the upper ends of all ranges, and each choice.

    Raises `ConfigError` for the first that is invalid: a range beyond its key's limit, or a choice
    that does not exist.
    """
    combinations = _combinations(space)
    points = [(fraction, combinations[0]) for fraction in FRACTIONS]
    points += [(FRACTIONS[MIDDLE], chosen) for chosen in combinations[1:]]
    composed = compose_each(
        [_overrides(base, _values(space, *point), None) for point in points], config_dir
    )
    for point in composed:
        if isinstance(point, ConfigError):
            raise ConfigError(f"the search space has an invalid point: {point}")
    return [_check_point(point) for point in composed]


def make_job_name(number: int, values: Mapping[str, str], seed: int | None) -> str:
    """Returns a folder name such as `0007,optimizer.lr=0.000312`, with its seed if it has one."""
    seeds = [] if seed is None else [f"seed={seed}"]
    short = (f"{key_of(key)}={_shorten(value)}" for key, value in values.items())
    text = ",".join([f"{number:04d}", *seeds, *short])
    return UNSAFE_CHARACTERS.sub("_", text)[:MAX_NAME_LENGTH].rstrip("._ ")


def _check_point(point: Composed | ConfigError) -> Composed:
    if isinstance(point, ConfigError):
        raise point
    return point


def _overrides(base: Sequence[str], values: Mapping[str, str], seed: int | None) -> list[str]:
    """Returns the shared overrides, then the trial's. A seed replaces one among the shared."""
    own = [f"{key}={value}" for key, value in values.items()]
    if seed is None:
        return [*base, *own]
    return [*(word for word in base if key_of(word) != "seed"), *own, f"seed={seed}"]


def _values(
    space: Mapping[str, Dimension], fraction: float, chosen: Mapping[str, str]
) -> dict[str, str]:
    return {
        key: dimension.value_at(fraction) if isinstance(dimension, Range) else chosen[key]
        for key, dimension in space.items()
    }


def _combinations(space: Mapping[str, Dimension]) -> list[dict[str, str]]:
    """Returns all combinations of choices, or if there are many, each choice at least once."""
    choices = {
        key: dimension.options
        for key, dimension in space.items()
        if isinstance(dimension, Choices)
    }
    counts = [len(options) for options in choices.values()]
    if math.prod(counts) <= MAX_COMBINATIONS:
        return [dict(zip(choices, p, strict=True)) for p in itertools.product(*choices.values())]
    return [
        {key: options[index % len(options)] for key, options in choices.items()}
        for index in range(max(counts))
    ]


def _shorten(value: str) -> str:
    try:
        return value if value.isdigit() else f"{float(value):.4g}"
    except ValueError:
        return value
