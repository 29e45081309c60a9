"""Keeps trackers offline unless the command line sets them online."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genrun.core.errors import ConfigError
from genrun.core.protocols.tracker import ONLINE


def online(config: Mapping[str, Any]) -> list[str]:
    """Returns the trackers of a configuration that would send data to a server."""
    return [name for name, settings in config["tracker"].items() if settings.get("mode") == ONLINE]


def check_not_online(config: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Raises `ConfigError` if a tracker is online and its mode is not among the `keys`."""
    for name in online(config):
        if (key := f"tracker.{name}.mode") not in keys:
            raise ConfigError(
                f"{key}={ONLINE}: may only be set on the command line, not in a YAML file"
            )


def offline(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy with all trackers offline, as untrusted files may not turn them online."""
    changed = {name: {**config["tracker"][name], "mode": "offline"} for name in online(config)}
    return {**config, "tracker": {**config["tracker"], **changed}}
