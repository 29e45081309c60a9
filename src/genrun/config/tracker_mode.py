"""Whether trackers reach a server: settings of `conf/tracker`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genrun.core.errors import ConfigError
from genrun.core.protocols.tracker import ONLINE


def online(config: Mapping[str, Any]) -> list[str]:
    """Returns the trackers of a configuration that would reach a server."""
    return [name for name, own in config["tracker"].items() if own.get("mode") == ONLINE]


def check_not_online(config: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Raises `ConfigError` if a tracker is online without the command line requesting it."""
    for name in online(config):
        if (key := f"tracker.{name}.mode") not in keys:
            raise ConfigError(f"{key}={ONLINE}: only the command line may say so, no YAML file")


def offline(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy in which no tracker reaches a server, since the files may be untrusted."""
    quiet = {name: {**config["tracker"][name], "mode": "offline"} for name in online(config)}
    return {**config, "tracker": {**config["tracker"], **quiet}}
