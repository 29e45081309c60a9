"""Whether regularizations and updates suit the optimizers."""

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
    """The one that is asked for. Raises `ConfigError` where an optimizer has its own."""
    named = {name: r for name, r in regularizations.items() if isinstance(r, WeightAverage)}
    for name in named:
        for player, optimizer in optimizers.items():
            if is_schedule_free(optimizer):
                raise ConfigError(
                    f"regularization={name}: {type(optimizer).__name__} of {player} has an "
                    f"average of its own to evaluate; leave {name} out"
                )
    return next(iter(named.values()), None)


def check_closures(
    optimizers: Mapping[str, Optimizer],
    regularizations: Mapping[str, Any],
    share: BatchShard | None,
) -> None:
    """Raises `ConfigError` where a line search would be led by something else than its loss."""
    for optimizer in optimizers.values():
        if not takes_closure(type(optimizer)):
            continue
        kind = type(optimizer).__name__
        for name, regularization in regularizations.items():
            if isinstance(regularization, GradientChange | GradientPoint):
                raise ConfigError(
                    f"regularization={name}: {kind} searches along the loss's own gradient, "
                    "which may not be changed"
                )
        if share is not None:
            raise ConfigError(
                f"optimizer={kind}: searches by one process's loss; {share.count} processes "
                "would each go another way"
            )


def check_weight_changes(
    optimizers: Mapping[str, Optimizer], regularizations: Mapping[str, Any], model: Model
) -> None:
    """Raises `ConfigError` where weights would be changed that an optimizer has an average of."""
    for name, regularization in regularizations.items():
        if not isinstance(regularization, WeightChange):
            continue
        for player in model.players():
            optimizer = optimizers[player.name]
            if is_schedule_free(optimizer) and regularization.applies_to(model, player):
                raise ConfigError(
                    f"regularization={name}: changes the weights of {player.name}, of which "
                    f"{type(optimizer).__name__} keeps an average that it alone may move; choose "
                    f"players.{player.name}.optimizer=adam, say"
                )


def check_updates(optimizers: Mapping[str, Optimizer], updates: Updates) -> None:
    """Raises `ConfigError` where an optimizer relies on what these updates do not leave to it."""
    name = type(updates).__name__.lower()
    for player, optimizer in optimizers.items():
        kind = f"{type(optimizer).__name__} of {player}"
        if takes_closure(type(optimizer)) and (updates.moves_weights or not updates.takes_turns):
            raise ConfigError(
                f"updates={name}: {kind} evaluates the loss itself, several times a step; "
                "it needs updates=alternating"
            )
        if is_schedule_free(optimizer) and updates.moves_weights:
            raise ConfigError(
                f"updates={name}: moves the weights, of which {kind} keeps an average that it "
                "alone may move; choose another optimizer, or updates=alternating"
            )
