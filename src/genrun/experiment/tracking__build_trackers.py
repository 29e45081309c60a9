"""Trackers of a configuration."""

from __future__ import annotations

from collections.abc import Sequence

from genrun.build.instantiate import Config, instantiate
from genrun.core.tracking import Tracker


def build_trackers(config: Config, plugins: Sequence[str]) -> dict[str, Tracker]:
    """By name; none has begun. Raises `ConfigError` where the package of one is missing."""
    return {
        name: instantiate("tracker", settings, plugins, f"tracker.{name}")
        for name, settings in config["tracker"].items()
    }
