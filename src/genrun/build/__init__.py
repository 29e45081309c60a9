"""From a checked configuration to objects. Nothing outside this package instantiates a choice."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from genrun.build.health import build_health
from genrun.build.instantiate import Config, instantiate
from genrun.build.metrics import build_comparison, monitor_of
from genrun.build.networks import build_model, build_networks, check_batch_size
from genrun.build.optimizers import build_optimizers, build_schedule
from genrun.build.together import Team, begin_alike, form_team, join_batch_norm
from genrun.core.errors import ConfigError, InputMissing
from genrun.core.protocols import (
    GradientChange,
    Model,
    Monitors,
    Penalty,
    Stopper,
    WeightAverage,
)
from genrun.core.types import Share
from genrun.data.images import Batches
from genrun.training.average import AveragedNetworks
from genrun.training.evaluation import Evaluation
from genrun.training.exchange import Exchange
from genrun.training.finite import Gradients
from genrun.training.loop import Plan
from genrun.training.processes import Processes
from genrun.training.step import StepSettings, TrainingStep, trained_parameters
from genrun.training.trial import Trial
from genrun.training.window import Window

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
    processes: Processes
    exchange: Exchange | None  # None: there is one process

    def parameter_counts(self) -> dict[str, int]:
        """Trained parameters by player."""
        return {
            player.name: sum(p.numel() for p in trained_parameters(self.trial.nets, player))
            for player in self.model.players()
        }


def build(config: Config, plugins: Sequence[str]) -> Built:
    """Builds everything and checks what only the parts know. Creates no file but caches.

    Started by torchrun, it waits for the other processes.
    """
    team = form_team(config)
    device, processes = team.device, team.processes
    with team.one_first():
        data = build_data(config, device, plugins, team.share)
    model, regularizations = build_model(config, plugins)
    nets = build_networks(config, model, regularizations, data.spec, plugins).to(device)
    join_batch_norm(nets, config, processes)
    check_batch_size(nets, data.batch_size, team.share)
    begin_alike(nets, config, data.digest, processes)

    plan = _plan(config, data, model)
    optimizers = build_optimizers(config, model, nets, plugins)
    schedules = {
        name: build_schedule(config["schedule"], optimizer, plan.steps, plugins)
        for name, optimizer in optimizers.items()
    }
    averages = [r for r in regularizations.values() if isinstance(r, WeightAverage)]
    trained = [name for player in model.players() for name in player.networks]
    average = AveragedNetworks(nets, trained, averages[0] if averages else None)
    with team.one_first():
        comparison = build_comparison(config, data, plugins)
    evaluation = Evaluation(model, average.nets, data, comparison, config["seed"], GRID)
    measured = evaluation.names()
    monitor = monitor_of(config, model, comparison, measured)
    plan = dataclasses.replace(plan, monitor=monitor)
    stoppers = _stoppers(config, monitor, measured, plugins)
    exchange = None
    if team.share is not None:
        exchange = Exchange(processes, [nets[name] for name in trained], device)
    changes = [r for r in regularizations.values() if isinstance(r, GradientChange)]
    step = TrainingStep(
        model,
        nets.train(),
        data,
        optimizers,
        {name: r for name, r in regularizations.items() if isinstance(r, Penalty)},
        changes if exchange is None else [exchange, *changes],
        _step_settings(config, team),
    )
    epoch = data.train_count / step.examples_a_step
    health = build_health(config["health"], model, measured, epoch)
    gradients = Gradients(nets, model.players())
    window = Window(None if team.share is None else processes.mean)
    trial = Trial(nets, average, optimizers, schedules, stoppers, gradients, health, window=window)
    return Built(model, data, trial, step, evaluation, plan, device, processes, exchange)


def _step_settings(config: Config, team: Team) -> StepSettings:
    return StepSettings(
        seed=config["seed"],
        device=team.device,
        autocast=torch.bfloat16 if config["runtime"]["precision"] == "bf16" else None,
        compile=config["runtime"]["compile"],
        share=team.share,
    )


def build_data(
    config: Config, device: torch.device, plugins: Sequence[str], share: Share | None = None
) -> Batches:
    """Reads the images and splits them."""
    settings = dict(config["data"])
    batch_size, held_out = settings.pop("batch_size"), settings.pop("held_out")
    try:
        source = instantiate("data", settings, plugins).load()
    except OSError as error:  # a name that is too long, a folder that may not be read
        raise InputMissing(f"data: {error.filename}: {error.strerror or error}") from error
    return Batches(source, held_out, batch_size, config["seed"], device, share)


def _plan(config: Config, data: Batches, model: Model) -> Plan:
    steps = config["steps"]
    if config["epochs"] is not None:
        turns = max(player.turns for player in model.players())
        steps = max(1, config["epochs"] * data.batches_per_epoch // turns)
    names = ("log_every", "evaluate_every", "save_every", "sample_every")
    return Plan(steps=steps, **{name: config[name] for name in names}, monitor=model.monitor)


def _stoppers(
    config: Config, monitor: str, names: Sequence[str], plugins: Sequence[str]
) -> dict[str, Stopper]:
    """The policies, each told the run's monitor where it names none of its own."""
    stoppers: dict[str, Stopper] = {}
    for name, settings in config["stopping"].items():
        stopper = instantiate("stopping", settings, plugins, f"stopping.{name}")
        if isinstance(stopper, Monitors):
            own = stopper.monitor or monitor
            if own not in names:
                raise ConfigError(
                    f"stopping.{name}.monitor={own}: is never measured; the held-out metrics "
                    f"are {', '.join(names)}"
                )
            stopper = dataclasses.replace(stopper, monitor=own)  # type: ignore[type-var]  # the protocol cannot say "dataclass"
        stoppers[name] = stopper
    return stoppers
