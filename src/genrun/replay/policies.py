"""The stopping policies that words ask for: every combination of the values that they give."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genrun.config.compose import Composed, compose_each
from genrun.config.groups import conf_folder
from genrun.config.multirun import split_sweep
from genrun.config.overrides import check_not_repeated, check_words, key_of
from genrun.core.errors import ConfigError
from genrun.core.formatting import did_you_mean, format_setting
from genrun.core.log_names import STANDARD_ERROR
from genrun.core.protocols.stopping import (
    LimitsSeconds,
    Monitors,
    MonitorsWithError,
    Stopper,
    WatchesLoss,
)
from genrun.experiment.instantiate import instantiate
from genrun.replay.run_log import Log
from genrun.results.record import RunRecord
from genrun.sweeps.pruner_study import attach_study

# MERGED: A policy told what the loop would have told it: the run's monitor, the model's player.
LOSS = "/loss"


def fitted(stopper: Any, key: str, record: RunRecord, log: Log) -> Stopper:
    """The policy for this run. Raises `ConfigError` where it goes by what the run has not."""
    if isinstance(stopper, Monitors):
        stopper = replace(stopper, monitor=_monitor(stopper, key, record))  # type: ignore[type-var]  # all policies are dataclasses
    if isinstance(stopper, WatchesLoss):
        stopper = replace(stopper, player=_player(stopper, key, record, log))  # type: ignore[type-var]  # as above
    if isinstance(stopper, LimitsSeconds) and stopper.seconds is not None and log.timeless:
        raise ConfigError(
            f"{key}.seconds={stopper.seconds:g}: {record.name} does not say its seconds"
        )
    fit: Stopper = stopper
    return fit


def _monitor(stopper: Monitors, key: str, record: RunRecord) -> str:
    names = record.curve.names
    monitor = stopper.monitor or record.monitor or ""
    plain = [name for name in names if not name.endswith(STANDARD_ERROR)]
    if monitor not in names:
        raise ConfigError(
            f"{key}.monitor={monitor}: {record.name} never measured it; it measured "
            f"{', '.join(plain) or 'nothing'}"
        )
    if isinstance(stopper, MonitorsWithError) and monitor + STANDARD_ERROR not in names:
        have = [name for name in plain if name + STANDARD_ERROR in names]
        raise ConfigError(
            f"{key}.monitor={monitor}: has no standard error in {record.name}; those that have "
            f"are {', '.join(have) or 'none there'}"
        )
    return monitor


def _player(stopper: WatchesLoss, key: str, record: RunRecord, log: Log) -> str:
    named = dict.fromkeys(name for row in log.rows for name in row.losses if name.endswith(LOSS))
    players = [name.removesuffix(LOSS) for name in named]
    if not players:  # it ended before the first row of training
        return stopper.player or ""
    if stopper.player in players:
        return stopper.player
    if stopper.player is None and len(players) == 1:
        return players[0]
    given = "null" if stopper.player is None else stopper.player
    raise ConfigError(f"{key}.player={given}: of {record.name} it must be {' or '.join(players)}")


GROUP = "stopping"
ALL = "stopping=all"


@dataclass(frozen=True, eq=False)
class Policy:
    """One policy with its settings; where several sets have it, it is the same object."""

    name: str
    stopper: Stopper
    asked: bool  # by name; else it may be left out where it does not suit the runs


@dataclass(frozen=True, eq=False)
class PolicySet:
    """Policies that are on at once: the first to stop ends the run."""

    label: str
    policies: list[Policy]


@dataclass
class Policies:
    """All sets, and what was left out of `stopping=all`."""

    sets: list[PolicySet] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def choices() -> list[str]:
    """The policies that there are."""
    return sorted(path.stem for path in (conf_folder() / GROUP).glob("*.yaml"))


def policies_of(words: Sequence[str]) -> Policies:
    """From `stopping=…` and `stopping.NAME.KEY=…`, checked as for a training.

    Comma values give the product; a policy's settings go to the sets that have it. `stopping=all`
    is every policy alone, but for those that need a value which was not given. Raises
    `ConfigError`.
    """
    _check(words)
    chosen = [word for word in words if key_of(word) == GROUP]
    if not chosen:
        raise ConfigError(f"replay takes {GROUP}=[POLICY]; there are {', '.join(choices())}")
    settings = [word for word in words if word not in chosen]
    every = chosen[0] == ALL
    if every:
        chosen = [f"{GROUP}=" + ",".join(f"[{name}]" for name in choices())]
    names = {job[0]: _names(job[0]) for job in split_sweep(chosen)}
    _refuse_unused(settings, [name for own in names.values() for name in own])
    found, made = Policies(), dict[str, Policy]()
    for composed in _compose(names, settings):
        asked = not every or len(composed.words) > 1
        try:
            found.sets.append(_policy_set(composed, made, asked))
        except ConfigError as error:
            if asked:
                raise
            found.notes.append(f"left out: {error}")
    return found


@dataclass(frozen=True)
class _Composed:
    """One combination: its policies, its words, and what came of these."""

    names: list[str]
    words: list[str]
    result: Composed | ConfigError


def _compose(names: Mapping[str, list[str]], settings: Sequence[str]) -> list[_Composed]:
    """Of each choice of policies all combinations of the values that concern it."""
    lines: list[tuple[list[str], list[str]]] = []
    for word, own in names.items():
        given = [one for one in settings if key_of(one).split(".")[1] in own]
        jobs = split_sweep([word, *given]) if given else [[word]]
        lines += [(own, job) for job in jobs]
    results = compose_each([words for _, words in lines])
    return [
        _Composed(own, words, result) for (own, words), result in zip(lines, results, strict=True)
    ]


def _check(words: Sequence[str]) -> None:
    check_words(words)
    check_not_repeated(words)
    for word in words:
        if word.startswith(("+", "~")):
            raise ConfigError(f"{word}: replay takes KEY=VALUE, with no sign before it")


def _names(word: str) -> list[str]:
    listed = word.partition("=")[2].strip("[]").split(",")
    return [name for name in map(str.strip, listed) if name]


def _refuse_unused(settings: Sequence[str], names: Sequence[str]) -> None:
    """A setting of a policy that no set has would do nothing."""
    for word in settings:
        name = key_of(word).split(".")[1]
        if name in names:
            continue
        if name in choices():
            raise ConfigError(f"{word}: {name} is not among the policies; add it to {GROUP}=[…]")
        raise ConfigError(f"{word}: there is no such policy{did_you_mean(name, choices())}")


def _policy_set(composed: _Composed, made: dict[str, Policy], asked: bool) -> PolicySet:
    if not composed.names:
        raise ConfigError(
            f"{composed.words[0]}: names no policy; there are {', '.join(choices())}"
        )
    if isinstance(composed.result, ConfigError):
        raise composed.result
    policies = [
        _policy(name, settings, made, asked)
        for name, settings in _settings(composed.result).items()
    ]
    return PolicySet(_label(composed.names, composed.words[1:]), policies)


def _settings(composed: Composed) -> dict[str, Any]:
    """By name, in the order in which the loop asks them; a pruner knows its study later."""
    told: dict[str, Any] = attach_study(composed.config, "in memory", 0)[GROUP]
    return told


def _policy(name: str, settings: Any, made: dict[str, Policy], asked: bool) -> Policy:
    key = json.dumps([name, settings], sort_keys=True)
    if key not in made:
        stopper = instantiate(GROUP, settings, [], f"{GROUP}.{name}")
        made[key] = Policy(name, stopper, asked)
    return made[key]


def _label(names: Sequence[str], words: Sequence[str]) -> str:
    """`early patience=3 + budget examples=1000`: what was given of each."""
    parts = []
    for name in names:
        start = f"{GROUP}.{name}."
        own = [word for word in words if key_of(word).startswith(start)]
        pairs = [word.removeprefix(start).partition("=") for word in own]
        given = [f"{key}={format_setting(value)}" for key, _, value in pairs]
        parts.append(" ".join([name, *given]))
    return " + ".join(parts)
