"""Builds and audits the optimizer and learning rate schedule of each player."""

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
from genrun.experiment.instantiate import Config, check_arguments, config_errors, find_class
from genrun.training.loss import trained_parameters
from genrun.training.lr_schedule import Schedule
from genrun.training.optimizers.audit import MovedParameters, audit_optimizer, preserve_gradients
from genrun.training.optimizers.closure import takes_closure
from genrun.training.optimizers.schedule_free import is_schedule_free


def build_optimizers(
    config: Config, model: Model, nets: nn.ModuleDict, plugins: Sequence[str]
) -> dict[str, torch.optim.Optimizer]:
    """Returns an optimizer for each player, with the player's own settings if there are any."""
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
    with_closure = [o for o in optimizers.values() if takes_closure(type(o))]
    if with_closure and len(players) > 1:
        raise ConfigError(
            f"optimizer={type(with_closure[0]).__name__}: evaluates the loss several times a step "
            f"and cannot train several players ({', '.join(players)})"
        )
    return optimizers


def build_optimizer(
    settings: Config,
    parameters: Sequence[nn.Parameter],
    plugins: Sequence[str],
    networks: Mapping[str, nn.Module],
) -> torch.optim.Optimizer:
    """Returns an optimizer of `parameters`, which belong to `networks`.

    Raises `ConfigError` if the settings do not name an optimizer or do not fit it.
    """
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
    check_arguments("optimizer", kind, arguments, positional=1)
    # some optimizers print their settings
    with config_errors("optimizer"), redirect_stdout(io.StringIO()):
        try:
            optimizer = kind(parameters, **arguments)
        except RuntimeError as error:
            # fused kernels exist on some devices only
            if not arguments.get("fused") or "fused" not in str(error):
                raise
            optimizer = kind(parameters, **{**arguments, "fused": False})
    if is_schedule_free(optimizer):
        optimizer.train()  # type: ignore[attr-defined]  # evaluation copies the averaged weights
    return optimizer


def audit_optimizers(
    optimizers: Mapping[str, torch.optim.Optimizer], model: Model, nets: nn.ModuleDict
) -> dict[str, list[MovedParameters]]:
    """Returns by player what each update rule moves.

    Raises `ConfigError` if an optimizer leaves a parameter unchanged.
    """
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
        except Exception as error:  # a plugin can fail in any way
            text = (str(error) or type(error).__name__).splitlines()[0]
            raise ConfigError(
                f"optimizer: {type(optimizer).__name__} of {player.name} fails in a first step "
                f"({text})"
            ) from error
        if found.unmoved:
            raise ConfigError(
                f"optimizer: {type(optimizer).__name__} does not move "
                f"{named[found.unmoved[0]][0]} of {player.name} "
                f"({len(found.unmoved)} of {len(named)} tensors stay unchanged)"
            )
        if found.changes_gradients:
            preserve_gradients(optimizer)
        moved[player.name] = found.moved
    return moved


def build_schedule(
    settings: Config, optimizer: torch.optim.Optimizer, steps: int, plugins: Sequence[str]
) -> Schedule:
    """Returns the schedule of an optimizer's learning rate over `steps`.

    Raises `ConfigError` if the settings do not name a schedule or do not fit it.
    """
    kind = find_class("schedule", settings, plugins)
    if not issubclass(kind, torch.optim.lr_scheduler.LRScheduler):
        raise ConfigError(f"schedule._target_={settings['_target_']}: is not a schedule")
    warmup_steps = settings["warmup_steps"]
    arguments = {
        name: max(1, steps - warmup_steps) if name in LENGTH_KEYS and value is None else value
        for name, value in settings.items()
        if name not in ("_target_", "warmup_steps")
    }
    check_arguments("schedule", kind, arguments, positional=1)

    def make(optimizer: torch.optim.Optimizer) -> Any:
        return kind(optimizer, **arguments)

    with config_errors("schedule"):
        schedule = Schedule(optimizer, make, warmup_steps)
    if is_schedule_free(optimizer) and not schedule.is_constant:
        raise ConfigError(
            f"schedule._target_={settings['_target_']}: {type(optimizer).__name__} needs a "
            "constant learning rate; use schedule=constant, with schedule.warmup_steps"
        )
    return schedule
