"""Trackers of a configuration."""

from __future__ import annotations

from collections.abc import Sequence

from genrun.core.protocols.tracker import Tracker
from genrun.experiment.instantiate import Config, instantiate


def build_trackers(config: Config, plugins: Sequence[str]) -> dict[str, Tracker]:
    """By name; none has begun. Raises `ConfigError` where the package of one is missing."""
    return {
        name: instantiate("tracker", settings, plugins, f"tracker.{name}")
        for name, settings in config["tracker"].items()
    }
