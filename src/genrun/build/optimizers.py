"""An optimizer and a schedule for each player."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from genrun.build.instantiate import Config, config_errors, find_class
from genrun.core.errors import ConfigError
from genrun.core.protocols import Model
from genrun.training.schedule import Schedule
from genrun.training.step import trained_parameters

TO_THE_END = ("T_max", "total_iters")  # null means: as many steps as are left after warm-up


def build_optimizers(
    config: Config, model: Model, nets: nn.ModuleDict, plugins: Sequence[str]
) -> dict[str, torch.optim.Optimizer]:
    """One for each player, with its own settings where it has any."""
    players = {player.name: player for player in model.players()}
    for name in config["players"]:
        if name not in players:
            raise ConfigError(
                f"players.{name}: the players of this model are {', '.join(players)}"
            )
    return {
        name: build_optimizer(
            config["players"].get(name, config)["optimizer"],
            trained_parameters(nets, player),
            plugins,
        )
        for name, player in players.items()
    }


def build_optimizer(
    settings: Config, parameters: Sequence[nn.Parameter], plugins: Sequence[str]
) -> torch.optim.Optimizer:
    kind = find_class("optimizer", settings, plugins)
    if not issubclass(kind, torch.optim.Optimizer):
        raise ConfigError(f"optimizer._target_={settings['_target_']}: is not an optimizer")
    closure = inspect.signature(kind.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ConfigError(
            f"optimizer._target_={settings['_target_']}: evaluates the loss several times a step, "
            "which players that take turns cannot give it"
        )
    arguments: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in settings.items()
        if name != "_target_"
    }
    with config_errors("optimizer"):
        try:
            optimizer = kind(parameters, **arguments)
        except RuntimeError as error:
            # torch has a fused kernel for each optimizer on some devices only
            if not arguments.get("fused") or "fused" not in str(error):
                raise
            optimizer = kind(parameters, **{**arguments, "fused": False})
    return optimizer


def build_schedule(
    settings: Config, optimizer: torch.optim.Optimizer, steps: int, plugins: Sequence[str]
) -> Schedule:
    kind = find_class("schedule", settings, plugins)
    if not issubclass(kind, torch.optim.lr_scheduler.LRScheduler):
        raise ConfigError(f"schedule._target_={settings['_target_']}: is not a schedule")
    warmup_steps = settings["warmup_steps"]
    arguments = {
        name: max(1, steps - warmup_steps) if name in TO_THE_END and value is None else value
        for name, value in settings.items()
        if name not in ("_target_", "warmup_steps")
    }

    def make(chosen: torch.optim.Optimizer) -> Any:
        return kind(chosen, **arguments)

    with config_errors("schedule"):
        return Schedule(optimizer, make, warmup_steps)
