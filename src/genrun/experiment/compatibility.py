"""Checks that regularizations and updates are compatible with the optimizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.optim import Optimizer

from genrun.core.errors import ConfigError
from genrun.core.protocols.model import Model
from genrun.core.protocols.regularization import (
    GradientChange,
    GradientPoint,
    WeightAverage,
    WeightChange,
)
from genrun.core.protocols.updates import Updates
from genrun.core.types import BatchShard
from genrun.training.optimizers.closure import takes_closure
from genrun.training.optimizers.schedule_free import is_schedule_free


def find_weight_average(
    regularizations: Mapping[str, Any], optimizers: Mapping[str, Optimizer]
) -> WeightAverage | None:
    """Returns the configured weight average, if any.

    Raises `ConfigError` if an optimizer averages weights itself.
    """
    named = {name: r for name, r in regularizations.items() if isinstance(r, WeightAverage)}
    for name in named:
        for player, optimizer in optimizers.items():
            if is_schedule_free(optimizer):
                raise ConfigError(
                    f"regularization={name}: {type(optimizer).__name__} of {player} already "
                    f"averages the weights that are evaluated; leave {name} out"
                )
    return next(iter(named.values()), None)


def check_closures(
    optimizers: Mapping[str, Optimizer],
    regularizations: Mapping[str, Any],
    shard: BatchShard | None,
) -> None:
    """Raises `ConfigError` if a line search would not see the loss whose gradient it follows."""
    for optimizer in optimizers.values():
        if not takes_closure(type(optimizer)):
            continue
        kind = type(optimizer).__name__
        for name, regularization in regularizations.items():
            if isinstance(regularization, GradientChange | GradientPoint):
                raise ConfigError(
                    f"regularization={name}: changes the gradient of the loss, along which {kind} "
                    "searches; leave it out or choose another optimizer"
                )
        if shard is not None:
            raise ConfigError(
                f"optimizer={kind}: its line search cannot be shared by {shard.count} processes; "
                "train in one, or choose another optimizer"
            )


def check_weight_changes(
    optimizers: Mapping[str, Optimizer], regularizations: Mapping[str, Any], model: Model
) -> None:
    """Raises `ConfigError` if a regularization changes weights that an optimizer averages."""
    for name, regularization in regularizations.items():
        if not isinstance(regularization, WeightChange):
            continue
        for player in model.players():
            optimizer = optimizers[player.name]
            if is_schedule_free(optimizer) and regularization.applies_to(model, player):
                raise ConfigError(
                    f"regularization={name}: changes the weights of {player.name}, which only "
                    f"{type(optimizer).__name__} may change, as it averages them; choose another "
                    f"optimizer, such as players.{player.name}.optimizer=adam"
                )


def check_updates(optimizers: Mapping[str, Optimizer], updates: Updates) -> None:
    """Raises `ConfigError` if the updates take over what an optimizer must do itself."""
    name = type(updates).__name__.lower()
    for player, optimizer in optimizers.items():
        kind = f"{type(optimizer).__name__} of {player}"
        if takes_closure(type(optimizer)) and (updates.moves_weights or not updates.takes_turns):
            raise ConfigError(
                f"updates={name}: {kind} evaluates the loss itself, several times a step, "
                "which needs updates=alternating"
            )
        if is_schedule_free(optimizer) and updates.moves_weights:
            raise ConfigError(
                f"updates={name}: changes the weights, which only {kind} may change, as it "
                "averages them; choose another optimizer, or updates=alternating"
            )
