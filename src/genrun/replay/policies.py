"""The stopping policies to replay: parsed from the command line, then bound to each run."""

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
from genrun.replay.run_log import ReplayLog
from genrun.results.record import RunRecord
from genrun.sweeps.pruner_study import attach_study

GROUP = "stopping"
ALL = "stopping=all"
LOSS = "/loss"  # end of the name of a player's loss in the log


@dataclass(frozen=True, eq=False)
class Policy:
    """One policy with its settings; sets that have it share the object, so it is replayed once."""

    name: str
    stopper: Stopper
    is_required: bool  # requested by name; otherwise left out if it is incompatible with the runs


@dataclass(frozen=True, eq=False)
class PolicySet:
    """Policies that are active together: the first to stop ends the run."""

    label: str
    policies: list[Policy]


@dataclass
class ParsedPolicies:
    """All sets, and what was left out of `stopping=all`."""

    sets: list[PolicySet] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def policy_names() -> list[str]:
    return sorted(path.stem for path in (conf_folder() / GROUP).glob("*.yaml"))


def parse_policies(words: Sequence[str]) -> ParsedPolicies:
    """Parses `stopping=…` and `stopping.NAME.KEY=…`, with the checks of a training.

    Comma values give the product; a policy's settings apply to the sets that have it.
    `stopping=all` is every policy alone, except those with a required setting that is missing.
    Raises `ConfigError` if a word is invalid.
    """
    _check_words(words)
    chosen = [word for word in words if key_of(word) == GROUP]
    if not chosen:
        raise ConfigError(
            f"replay needs {GROUP}=[POLICY]; the policies are {', '.join(policy_names())}"
        )
    settings = [word for word in words if word not in chosen]
    is_all = chosen[0] == ALL
    if is_all:
        chosen = [f"{GROUP}=" + ",".join(f"[{name}]" for name in policy_names())]
    names = {job[0]: _listed_names(job[0]) for job in split_sweep(chosen)}
    _check_used(settings, [name for listed in names.values() for name in listed])
    parsed, policies = ParsedPolicies(), dict[str, Policy]()
    for combination in _compose(names, settings):
        is_required = not is_all or len(combination.words) > 1
        try:
            parsed.sets.append(_build_set(combination, policies, is_required))
        except ConfigError as error:
            if is_required:
                raise
            parsed.notes.append(f"left out: {error}")
    return parsed


def bind_to_run(stopper: Any, key: str, record: RunRecord, log: ReplayLog) -> Stopper:
    """Returns the policy with its monitor or player set to that of a run.

    Raises `ConfigError` if it depends on something that the run did not record.
    """
    if isinstance(stopper, Monitors):
        stopper = replace(stopper, monitor=_find_monitor(stopper, key, record))  # type: ignore[type-var]  # all policies are dataclasses
    if isinstance(stopper, WatchesLoss):
        stopper = replace(stopper, player=_find_player(stopper, key, record, log))  # type: ignore[type-var]  # as above
    if isinstance(stopper, LimitsSeconds) and stopper.seconds is not None and log.lacks_seconds:
        raise ConfigError(
            f"{key}.seconds={stopper.seconds:g}: the seconds of {record.name} are unknown"
        )
    bound: Stopper = stopper
    return bound


@dataclass(frozen=True)
class _Combination:
    """The policies of one set, its words, and their configuration or what is wrong with them."""

    names: list[str]
    words: list[str]
    result: Composed | ConfigError


def _compose(names: Mapping[str, list[str]], settings: Sequence[str]) -> list[_Combination]:
    """All combinations of values that apply to each choice of policies."""
    jobs: list[tuple[list[str], list[str]]] = []
    for word, listed in names.items():
        applied = [setting for setting in settings if key_of(setting).split(".")[1] in listed]
        combinations = split_sweep([word, *applied]) if applied else [[word]]
        jobs += [(listed, words) for words in combinations]
    results = compose_each([words for _, words in jobs])
    return [
        _Combination(listed, words, result)
        for (listed, words), result in zip(jobs, results, strict=True)
    ]


def _check_words(words: Sequence[str]) -> None:
    check_words(words)
    check_not_repeated(words)
    for word in words:
        if word.startswith(("+", "~")):
            raise ConfigError(f"{word}: replay takes KEY=VALUE, without + or ~")


def _listed_names(word: str) -> list[str]:
    listed = word.partition("=")[2].strip("[]").split(",")
    return [name for name in map(str.strip, listed) if name]


def _check_used(settings: Sequence[str], names: Sequence[str]) -> None:
    """Raises `ConfigError` for a setting of a policy that no set has."""
    for word in settings:
        name = key_of(word).split(".")[1]
        if name in names:
            continue
        known = policy_names()
        if name in known:
            raise ConfigError(f"{word}: {name} is not among the policies; add it to {GROUP}=[…]")
        raise ConfigError(f"{word}: there is no such policy{did_you_mean(name, known)}")


def _build_set(
    combination: _Combination, policies: dict[str, Policy], is_required: bool
) -> PolicySet:
    if not combination.names:
        raise ConfigError(
            f"{combination.words[0]}: names no policy; the policies are "
            f"{', '.join(policy_names())}"
        )
    if isinstance(combination.result, ConfigError):
        raise combination.result
    members = [
        _build_policy(name, settings, policies, is_required)
        for name, settings in _policy_settings(combination.result).items()
    ]
    return PolicySet(_label(combination.names, combination.words[1:]), members)


def _policy_settings(composed: Composed) -> dict[str, Any]:
    """Settings by policy, in the order in which the loop calls them.

    A pruner needs the name of a study to pass the checks; `PrunerReplay` creates the actual one.
    """
    settings: dict[str, Any] = attach_study(composed.config, "in memory", 0)[GROUP]
    return settings


def _build_policy(
    name: str, settings: Any, policies: dict[str, Policy], is_required: bool
) -> Policy:
    key = json.dumps([name, settings], sort_keys=True)
    if key not in policies:
        stopper = instantiate(GROUP, settings, [], f"{GROUP}.{name}")
        policies[key] = Policy(name, stopper, is_required)
    return policies[key]


def _label(names: Sequence[str], words: Sequence[str]) -> str:
    """Policies with their settings: `early patience=3 + budget examples=1000`."""
    parts = []
    for name in names:
        prefix = f"{GROUP}.{name}."
        matching = [word for word in words if key_of(word).startswith(prefix)]
        pairs = [word.removeprefix(prefix).partition("=") for word in matching]
        settings = [f"{key}={format_setting(value)}" for key, _, value in pairs]
        parts.append(" ".join([name, *settings]))
    return " + ".join(parts)


def _find_monitor(stopper: Monitors, key: str, record: RunRecord) -> str:
    names = record.curve.names
    monitor = stopper.monitor or record.monitor or ""
    metrics = [name for name in names if not name.endswith(STANDARD_ERROR)]
    if monitor not in names:
        raise ConfigError(
            f"{key}.monitor={monitor}: {record.name} never measured it; it measured "
            f"{', '.join(metrics) or 'nothing'}"
        )
    if isinstance(stopper, MonitorsWithError) and monitor + STANDARD_ERROR not in names:
        with_error = [name for name in metrics if name + STANDARD_ERROR in names]
        raise ConfigError(
            f"{key}.monitor={monitor}: has no standard error in {record.name}; metrics with one: "
            f"{', '.join(with_error) or 'none'}"
        )
    return monitor


def _find_player(stopper: WatchesLoss, key: str, record: RunRecord, log: ReplayLog) -> str:
    losses = dict.fromkeys(name for row in log.rows for name in row.losses if name.endswith(LOSS))
    players = [name.removesuffix(LOSS) for name in losses]
    if not players:  # it ended before the first row of training
        return stopper.player or ""
    if stopper.player in players:
        return stopper.player
    if stopper.player is None and len(players) == 1:
        return players[0]
    player = "null" if stopper.player is None else stopper.player
    raise ConfigError(f"{key}.player={player}: must be {' or '.join(players)} in {record.name}")
