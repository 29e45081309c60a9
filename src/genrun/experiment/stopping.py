"""Stopping policies, and whether what they go by will be measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from genrun.core.errors import ConfigError
from genrun.core.log_names import STANDARD_ERROR
from genrun.core.protocols.model import Model
from genrun.core.protocols.stopping import (
    LimitsFlops,
    Monitors,
    MonitorsWithError,
    Stopper,
    WatchesLoss,
)
from genrun.experiment.instantiate import Config, instantiate
from genrun.training.meters.flops import FlopsUnknown, count_step_flops
from genrun.training.step import TrainingStep


def build_stoppers(
    config: Config, model: Model, monitor: str, names: Sequence[str], plugins: Sequence[str]
) -> dict[str, Stopper]:
    """The policies, each told the run's monitor and the model's player where it names none.

    `names` are the held-out values that are measured. Raises `ConfigError` where a policy goes by
    something else.
    """
    stoppers: dict[str, Stopper] = {}
    for name, settings in config["stopping"].items():
        key = f"stopping.{name}"
        stopper = instantiate("stopping", settings, plugins, key)
        if isinstance(stopper, Monitors):
            stopper = _with(stopper, monitor=_monitor(stopper, key, monitor, names))
        if isinstance(stopper, WatchesLoss):
            stopper = _with(stopper, player=_player(stopper, key, model))
        stoppers[name] = stopper
    return stoppers


def _with(stopper: Any, **values: str) -> Any:
    return dataclasses.replace(stopper, **values)


def _monitor(stopper: Monitors, key: str, of_run: str, names: Sequence[str]) -> str:
    monitor = stopper.monitor or of_run
    if monitor not in names:
        raise ConfigError(
            f"{key}.monitor={monitor}: is never measured; the held-out metrics are "
            f"{', '.join(names)}"
        )
    if isinstance(stopper, MonitorsWithError) and monitor + STANDARD_ERROR not in names:
        have = [name for name in names if name + STANDARD_ERROR in names]
        raise ConfigError(
            f"{key}.monitor={monitor}: has no standard error, as it is no mean over several "
            f"images; those that have are {', '.join(have) or 'none here'}"
        )
    return monitor


def _player(stopper: WatchesLoss, key: str, model: Model) -> str:
    players = [player.name for player in model.players()]
    if stopper.player in players:
        return stopper.player
    if stopper.player is None and len(players) == 1:
        return players[0]
    given = "null" if stopper.player is None else stopper.player
    raise ConfigError(f"{key}.player={given}: must be {' or '.join(players)}")


def count_flops(step: TrainingStep, stoppers: Mapping[str, Stopper]) -> int | None:
    """The FLOPs of a step; None where they cannot be counted, and no policy limits them.

    Raises `ConfigError` where one does.
    """
    try:
        return count_step_flops(step)
    except FlopsUnknown as error:
        for name, stopper in stoppers.items():
            if isinstance(stopper, LimitsFlops) and stopper.flops is not None:
                raise ConfigError(
                    f"stopping.{name}.flops={stopper.flops:g}: the FLOPs of a step cannot be "
                    f"counted here ({error})"
                ) from error
        return None
