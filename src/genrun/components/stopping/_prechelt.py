"""The ratios of Prechelt's criteria (Early Stopping - But When?, 1998)."""

from __future__ import annotations

from genrun.core.errors import ConfigError


def generalization_loss(value: float, best: float) -> float:
    """Returns GL(t), by how many percent the held-out value lies above the lowest so far."""
    return 100 * (value / best - 1)


def check_positive(policy: str, name: str, value: float, step: int) -> None:
    """Raises `ConfigError` unless `value` is above 0, as ratios of values need."""
    if not value > 0:
        raise ConfigError(
            f"stopping.{policy}: {name} was {value:g} at step {step}; the policy needs values "
            "above 0. early, plateau and up_strips work with values of any sign"
        )
