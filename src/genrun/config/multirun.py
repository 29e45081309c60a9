"""Expands the words of a sweep into the overrides of its jobs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from hydra import compose as hydra_compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override

from genrun.config.compose import hydra_ready
from genrun.config.hydra_errors import one_line_errors
from genrun.config.hydra_internals import BasicSweeper
from genrun.config.overrides import check_words, hydra_overrides, key_of
from genrun.core.errors import ConfigError

MOST_JOBS = 1000  # all are composed and checked before the first starts


def split_sweep(words: Sequence[str], config_dir: str | None = None) -> list[list[str]]:
    """Returns the overrides of each job of a sweep, in Hydra's order.

    Raises `ConfigError` if the words are invalid or the jobs too many.
    """
    check_words(words)
    with hydra_ready(config_dir):
        overrides = hydra_overrides(words)
        with one_line_errors(words, overrides):
            composed = hydra_compose(
                "config", without_sweep_overrides(words), return_hydra_config=True
            )
            params = composed.hydra.sweeper.params or {}
            everything = [*(f"{key}={value}" for key, value in params.items()), *overrides]
            parsed = OverridesParser.create().parse_overrides(everything)
            _check_no_glob(parsed)
            _check_size(parsed)
            batches = BasicSweeper.split_arguments(parsed, None)
    return [job for batch in batches for job in batch]


def without_sweep_overrides(words: Sequence[str]) -> list[str]:
    """Returns the overrides that have a single value."""
    overrides = hydra_overrides(words)
    with one_line_errors(words, overrides):
        parsed = OverridesParser.create().parse_overrides(overrides)
    return [o.input_line or "" for o in parsed if not o.is_sweep_override()]


def expand_seeds(words: Sequence[str]) -> list[str]:
    """Replaces `sweep.seeds=N` by the seeds 0 to N - 1.

    Raises `ConfigError` if N is invalid, or `seed` is set too.
    """
    expanded = []
    seeds = [word for word in words if key_of(word) == "seed"]
    for word in words:
        key, _, value = word.partition("=")
        if key == "sweep.seeds":
            if re.fullmatch("[0-9]{1,6}", value) is None or not 1 <= int(value) <= MOST_JOBS:
                raise ConfigError(f"{word}: must be an integer from 1 to {MOST_JOBS}")
            if seeds:
                raise ConfigError(f"{word}: the seeds are already set by {seeds[0]}")
            word = "seed=" + ",".join(map(str, range(int(value))))
        expanded.append(word)
    return expanded


def _check_size(parsed: Sequence[Override]) -> None:
    jobs = 1
    for override in parsed:
        if override.is_sweep_override():
            count = len(_values(override))
            if override.is_interval_sweep():
                raise ConfigError(
                    f"{override.input_line}: an interval has infinitely many values; "
                    "hydra/sweeper=tpe searches it"
                )
            if count == 0:
                raise ConfigError(f"{override.input_line}: a sweep over no values")
            jobs *= count
    if jobs > MOST_JOBS:
        raise ConfigError(f"a sweep of more than {MOST_JOBS} jobs; give fewer values")


def _values(override: Override) -> list[str]:
    """Returns a sweep's values as Hydra writes them, at most one more than are allowed."""
    if not override.is_sweep_override() or not override.is_discrete_sweep():
        return []
    return list(islice(override.sweep_string_iterator(), MOST_JOBS + 1))


def _check_no_glob(overrides: Sequence[Override]) -> None:
    for override in overrides:
        if isinstance(override.value(), Glob):
            raise ConfigError(
                f"{override.input_line}: genrun does not expand glob(…); list the choices, as in "
                "optimizer=adam,sgd"
            )
