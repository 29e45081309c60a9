"""What Prechelt's criteria (1998) measure by ratios, which need values above 0."""

from __future__ import annotations

from genrun.core.errors import ConfigError


def generalization_loss(value: float, best: float) -> float:
    """By how many percent the held-out value lies above the lowest so far: GL(t)."""
    return 100 * (value / best - 1)


def check_positive(policy: str, name: str, value: float, step: int) -> float:
    """The value. Raises `ConfigError` where its ratio to another one would mean nothing."""
    if value > 0:
        return value
    raise ConfigError(
        f"stopping.{policy}: {name} was {value:g} at step {step}, and it goes by ratios, which "
        "need values above 0; early, plateau and up_strips take values of any sign"
    )
