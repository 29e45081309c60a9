"""From a checked configuration to objects. Nothing outside this package instantiates a choice."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from genrun.build.device import find_device
from genrun.build.health import build_health
from genrun.build.instantiate import Config, instantiate
from genrun.build.networks import build_model, build_networks, check_batch_size
from genrun.build.optimizers import build_optimizers, build_schedule
from genrun.build.threads import available_threads
from genrun.core.errors import ConfigError, InputMissing
from genrun.core.protocols import (
    GradientChange,
    Metric,
    Model,
    Monitors,
    Penalty,
    Stopper,
    WeightAverage,
)
from genrun.data.images import Batches
from genrun.training.average import AveragedNetworks
from genrun.training.evaluation import Evaluation
from genrun.training.finite import Gradients
from genrun.training.loop import Plan
from genrun.training.step import StepSettings, TrainingStep, trained_parameters
from genrun.training.trial import Trial

GRID = 64  # images in a sample grid


@dataclass(frozen=True)
class Built:
    """Everything one experiment needs to train."""

    model: Model
    data: Batches
    trial: Trial
    step: TrainingStep
    evaluation: Evaluation
    plan: Plan
    device: torch.device

    def parameter_counts(self) -> dict[str, int]:
        """Trained parameters by player."""
        return {
            player.name: sum(p.numel() for p in trained_parameters(self.trial.nets, player))
            for player in self.model.players()
        }


def build(config: Config, plugins: Sequence[str]) -> Built:
    """Builds everything and checks what only the parts know. Creates no file but caches."""
    device = find_device(config["runtime"]["device"])
    # Subnormal numbers cost a CPU a hundred times the time of others, and Adam's moments of seldom
    # active weights decay into them.
    torch.set_flush_denormal(True)
    torch.set_num_threads(_threads(config))
    data = build_data(config, device, plugins)
    model, regularizations = build_model(config, plugins)
    nets = build_networks(config, model, regularizations, data.spec, plugins).to(device)
    check_batch_size(nets, data.batch_size)

    plan = _plan(config, data, model)
    optimizers = build_optimizers(config, model, nets, plugins)
    schedules = {
        name: build_schedule(config["schedule"], optimizer, plan.steps, plugins)
        for name, optimizer in optimizers.items()
    }
    averages = [r for r in regularizations.values() if isinstance(r, WeightAverage)]
    trained = [name for player in model.players() for name in player.networks]
    average = AveragedNetworks(nets, trained, averages[0] if averages else None)
    evaluation = _evaluation(config, model, average.nets, data, plugins)
    measured = evaluation.names()
    stoppers = _stoppers(config, model, measured, plugins)
    step = TrainingStep(
        model,
        nets.train(),
        data,
        optimizers,
        {name: r for name, r in regularizations.items() if isinstance(r, Penalty)},
        [r for r in regularizations.values() if isinstance(r, GradientChange)],
        _step_settings(config, device),
    )
    epoch = data.train_count / step.examples_a_step
    health = build_health(config["health"], model, measured, epoch)
    gradients = Gradients(nets, model.players())
    trial = Trial(nets, average, optimizers, schedules, stoppers, gradients, health)
    return Built(model, data, trial, step, evaluation, plan, device)


def _step_settings(config: Config, device: torch.device) -> StepSettings:
    return StepSettings(
        seed=config["seed"],
        device=device,
        autocast=torch.bfloat16 if config["runtime"]["precision"] == "bf16" else None,
        compile=config["runtime"]["compile"],
    )


def _threads(config: Config) -> int:
    threads = config["runtime"]["threads"]
    cores = os.cpu_count() or 1
    if threads is None:
        return available_threads()
    if threads > max(cores, available_threads()):
        raise ConfigError(f"runtime.threads={threads}: this machine has {cores} cores")
    return int(threads)


def build_data(config: Config, device: torch.device, plugins: Sequence[str]) -> Batches:
    """Reads the images and splits them."""
    settings = dict(config["data"])
    batch_size, held_out = settings.pop("batch_size"), settings.pop("held_out")
    try:
        source = instantiate("data", settings, plugins).load()
    except OSError as error:  # a name that is too long, a folder that may not be read
        raise InputMissing(f"data: {error.filename}: {error.strerror or error}") from error
    return Batches(source, held_out, batch_size, config["seed"], device)


def _plan(config: Config, data: Batches, model: Model) -> Plan:
    steps = config["steps"]
    if config["epochs"] is not None:
        turns = max(player.turns for player in model.players())
        steps = max(1, config["epochs"] * data.batches_per_epoch // turns)
    names = ("log_every", "evaluate_every", "save_every", "sample_every")
    return Plan(steps=steps, **{name: config[name] for name in names}, monitor=model.monitor)


def _evaluation(
    config: Config, model: Model, nets: nn.ModuleDict, data: Batches, plugins: Sequence[str]
) -> Evaluation:
    metrics: dict[str, Metric] = {
        name: instantiate("metric", settings, plugins, f"metric.{name}")
        for name, settings in config["metric"].items()
    }
    return Evaluation(model, nets, data, metrics, config["seed"], GRID)


def _stoppers(
    config: Config, model: Model, names: Sequence[str], plugins: Sequence[str]
) -> dict[str, Stopper]:
    """The policies, each told the model's monitor where it names none of its own."""
    if model.monitor not in names:
        raise ConfigError(
            f"metric: {type(model).__name__} is judged by {model.monitor}, which is not among the "
            f"held-out metrics ({', '.join(names) or 'none'}); add metric=[{model.monitor}]"
        )
    stoppers: dict[str, Stopper] = {}
    for name, settings in config["stopping"].items():
        stopper = instantiate("stopping", settings, plugins, f"stopping.{name}")
        if isinstance(stopper, Monitors):
            monitor = stopper.monitor or model.monitor
            if monitor not in names:
                raise ConfigError(
                    f"stopping.{name}.monitor={monitor}: is never measured; the held-out metrics "
                    f"are {', '.join(names)}"
                )
            stopper = dataclasses.replace(stopper, monitor=monitor)  # type: ignore[type-var]  # the protocol cannot say "dataclass"
        stoppers[name] = stopper
    return stoppers
