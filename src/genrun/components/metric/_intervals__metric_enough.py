"""Whether there are images enough to compare."""

from __future__ import annotations

from genrun.core.errors import ConfigError


def refuse_too_few(metric: str, samples: int, held_out: int, least: int) -> None:
    """Raises `ConfigError` where there are fewer than `least` of either."""
    for key, count in ((f"metric.{metric}.samples", samples), ("data.held_out", held_out)):
        if count < least:
            raise ConfigError(f"{key}={count}: metric={metric} needs at least {least} images")
