"""The typed skeleton, and the checks that need the whole configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


@dataclass
class Runtime:
    """Settings of the runtime."""

    device: str = MISSING
    precision: str = MISSING
    threads: int | None = MISSING
    compile: bool = MISSING
    sync_batch_norm: bool = MISSING


@dataclass
class Health:
    """Thresholds of the health checks."""

    overpowering_accuracy: float = MISSING
    overpowering_steps: int = MISSING
    mode_collapse_spread: float = MISSING
    mode_collapse_evaluations: int = MISSING
    posterior_collapse_kl: float = MISSING
    posterior_collapse_epochs: int = MISSING
    explosion_factor: float = MISSING
    explosion_rows: int = MISSING
    explosion_history: int = MISSING


@dataclass
class Config:
    """The keys of a configuration; their defaults are in conf/config.yaml."""

    data: Any = MISSING
    model: Any = MISSING
    backbone: Any = MISSING
    optimizer: Any = MISSING
    schedule: Any = MISSING
    updates: Any = MISSING
    features: Any = MISSING
    regularization: dict[str, Any] = field(default_factory=dict)
    stopping: dict[str, Any] = field(default_factory=dict)
    metric: dict[str, Any] = field(default_factory=dict)
    tracker: dict[str, Any] = field(default_factory=dict)
    runtime: Runtime = field(default_factory=Runtime)
    steps: int = MISSING
    epochs: int | None = MISSING
    monitor: str | None = MISSING
    seed: int = MISSING
    log_every: int = MISSING
    evaluate_every: int = MISSING
    save_every: int = MISSING
    sample_every: int = MISSING
    players: dict[str, Any] = field(default_factory=dict)
    plugins: list[str] = MISSING
    health: Health = field(default_factory=Health)


def register() -> None:
    """Makes the schema known to Hydra; in no group, it does not show among the choices."""
    ConfigStore.instance().store(name="schema", node=Config)
