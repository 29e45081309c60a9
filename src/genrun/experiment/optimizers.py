"""An optimizer and a schedule for each player."""

from __future__ import annotations

import inspect
import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

import torch
from torch import nn

from genrun.config.groups import LENGTH_KEYS
from genrun.core.errors import ConfigError
from genrun.core.protocols.model import Model
from genrun.experiment.instantiate import Config, config_errors, find_class
from genrun.training.loss import trained_parameters
from genrun.training.lr_schedule import Schedule
from genrun.training.optimizers.audit import MovedParameters, audit_optimizer, preserve_gradients
from genrun.training.optimizers.closure import takes_closure
from genrun.training.optimizers.schedule_free import is_schedule_free


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
    optimizers = {
        name: build_optimizer(
            config["players"].get(name, config)["optimizer"],
            trained_parameters(nets, player),
            plugins,
            {network: nets[network] for network in player.networks},
        )
        for name, player in players.items()
    }
    alone = [o for o in optimizers.values() if takes_closure(type(o))]
    if alone and len(players) > 1:
        raise ConfigError(
            f"optimizer={type(alone[0]).__name__}: evaluates the loss several times a step, which "
            f"players that take turns ({', '.join(players)}) cannot give it"
        )
    return optimizers


def build_optimizer(
    settings: Config,
    parameters: Sequence[nn.Parameter],
    plugins: Sequence[str],
    networks: Mapping[str, nn.Module],
) -> torch.optim.Optimizer:
    """`networks` are those that the parameters are of, for an optimizer that asks for them."""
    kind = find_class("optimizer", settings, plugins)
    if not issubclass(kind, torch.optim.Optimizer):
        raise ConfigError(f"optimizer._target_={settings['_target_']}: is not an optimizer")
    arguments: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in settings.items()
        if name != "_target_"
    }
    if "networks" in inspect.signature(kind).parameters:
        arguments["networks"] = networks
    # some say with `print` what they were made with
    with config_errors("optimizer"), redirect_stdout(io.StringIO()):
        try:
            optimizer = kind(parameters, **arguments)
        except RuntimeError as error:
            # torch has a fused kernel for each optimizer on some devices only
            if not arguments.get("fused") or "fused" not in str(error):
                raise
            optimizer = kind(parameters, **{**arguments, "fused": False})
    if is_schedule_free(optimizer):
        optimizer.train()  # type: ignore[attr-defined]  # and it stays so
    return optimizer


def audit_optimizers(
    optimizers: Mapping[str, torch.optim.Optimizer], model: Model, nets: nn.ModuleDict
) -> dict[str, list[MovedParameters]]:
    """What each update rule moves, by player. Raises `ConfigError` where a parameter stays."""
    moved = {}
    for player in model.players():
        named = [
            (f"{network}/{name}", parameter)
            for network in player.networks
            for name, parameter in nets[network].named_parameters()
            if parameter.requires_grad
        ]
        optimizer = optimizers[player.name]
        try:
            found = audit_optimizer(optimizer, [parameter for _, parameter in named])
        except Exception as error:  # a plugin's can fail in any way
            text = (str(error) or type(error).__name__).splitlines()[0]
            raise ConfigError(
                f"optimizer: {type(optimizer).__name__} of {player.name} fails in a first step "
                f"({text})"
            ) from error
        if found.unmoved:
            raise ConfigError(
                f"optimizer: {type(optimizer).__name__} does not move "
                f"{named[found.unmoved[0]][0]} of {player.name} "
                f"({len(found.unmoved)} of {len(named)} tensors stay as they are)"
            )
        if found.changes_gradients:
            preserve_gradients(optimizer)
        moved[player.name] = found.moved
    return moved


def build_schedule(
    settings: Config, optimizer: torch.optim.Optimizer, steps: int, plugins: Sequence[str]
) -> Schedule:
    kind = find_class("schedule", settings, plugins)
    if not issubclass(kind, torch.optim.lr_scheduler.LRScheduler):
        raise ConfigError(f"schedule._target_={settings['_target_']}: is not a schedule")
    warmup_steps = settings["warmup_steps"]
    arguments = {
        name: max(1, steps - warmup_steps) if name in LENGTH_KEYS and value is None else value
        for name, value in settings.items()
        if name not in ("_target_", "warmup_steps")
    }

    def make(chosen: torch.optim.Optimizer) -> Any:
        return kind(chosen, **arguments)

    with config_errors("schedule"):
        schedule = Schedule(optimizer, make, warmup_steps)
    if is_schedule_free(optimizer) and not schedule.is_constant:
        raise ConfigError(
            f"schedule._target_={settings['_target_']}: {type(optimizer).__name__} is made to do "
            "without; use schedule=constant, warmed up by schedule.warmup_steps"
        )
    return schedule
