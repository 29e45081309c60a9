"""A policy told what the loop would have told it: the run's monitor, the model's player."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from genrun.core.errors import ConfigError
from genrun.core.log_names import STANDARD_ERROR
from genrun.core.protocols.model import Stopper
from genrun.core.protocols.stopping import LimitsSeconds, Monitors, MonitorsWithError, WatchesLoss
from genrun.replay.run_log import Log
from genrun.results.record import RunRecord

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
