"""From a trial's values to the configuration of each of its runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from genrun.config.compose import Composed, compose_each
from genrun.config.overrides import key_of
from genrun.core.errors import ConfigError
from genrun.sweeps.plan import LONGEST, UNSAFE
from genrun.sweeps.search.space import Choices, Dimension, Range

MOST_CHECKED = 16  # combinations of choices that are composed before anything begins
PLACES = (0.0, 0.5, 1.0)  # of each range
MIDDLE = 1  # the index of its middle


def compose_point(
    base: Sequence[str], values: Mapping[str, str], seed: int | None, config_dir: str | None
) -> Composed:
    """The checked experiment of one run. Raises `ConfigError`."""
    return _valid(compose_each([_line(base, values, seed)], config_dir)[0])


def check_corners(
    base: Sequence[str], space: Mapping[str, Dimension], config_dir: str | None
) -> list[Composed]:
    """Composes the ends and the middle of all ranges, in order, and each choice.

    Raises `ConfigError` for the first that cannot be: a limit of a key that the range goes beyond,
    a choice that there is not.
    """
    several = _combinations(space)
    points = [(share, several[0]) for share in PLACES]
    points += [(PLACES[MIDDLE], chosen) for chosen in several[1:]]
    lines = [_line(base, _values(space, *point), None) for point in points]
    composed = compose_each(lines, config_dir)
    for point in composed:
        if isinstance(point, ConfigError):
            raise ConfigError(f"the space has a point that cannot be: {point}")
    return [_valid(point) for point in composed]


def _valid(point: Composed | ConfigError) -> Composed:
    if isinstance(point, ConfigError):
        raise point
    return point


def _line(base: Sequence[str], values: Mapping[str, str], seed: int | None) -> list[str]:
    """What is the same in all trials, then the trial's own; Hydra takes the last of two seeds."""
    own = [f"{key}={value}" for key, value in values.items()]
    if seed is None:
        return [*base, *own]
    return [*(word for word in base if key_of(word) != "seed"), *own, f"seed={seed}"]


def _values(
    space: Mapping[str, Dimension], share: float, chosen: Mapping[str, str]
) -> dict[str, str]:
    return {
        k: given.at(share) if isinstance(given, Range) else chosen[k] for k, given in space.items()
    }


def _combinations(space: Mapping[str, Dimension]) -> list[dict[str, str]]:
    """All combinations of choices, or where there are many each choice at least once."""
    choices = {key: given.words for key, given in space.items() if isinstance(given, Choices)}
    counts = [len(words) for words in choices.values()]
    if math.prod(counts) <= MOST_CHECKED:
        return [dict(zip(choices, p, strict=True)) for p in itertools.product(*choices.values())]
    return [
        {key: words[index % len(words)] for key, words in choices.items()}
        for index in range(max(counts))
    ]


def job_name(number: int, values: Mapping[str, str], seed: int | None) -> str:
    """`0007,optimizer.lr=0.000312`; with its seed where a trial has several."""
    seeds = [] if seed is None else [f"seed={seed}"]
    text = ",".join(
        [f"{number:04d}", *seeds, *(f"{key_of(key)}={_short(v)}" for key, v in values.items())]
    )
    return UNSAFE.sub("_", text)[:LONGEST].rstrip("._ ")


def _short(value: str) -> str:
    try:
        return value if value.isdigit() else f"{float(value):.4g}"
    except ValueError:
        return value
