"""Builds the objects of an experiment from its checked configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from genrun.components.data._dataset import Batches, check_loaded
from genrun.core.errors import InputMissing
from genrun.core.protocols.model import Model
from genrun.core.protocols.updates import Updates
from genrun.core.types import BatchShard
from genrun.experiment.compatibility import (
    check_closures,
    check_updates,
    check_weight_changes,
    find_weight_average,
)
from genrun.experiment.health import build_health
from genrun.experiment.instantiate import Config, instantiate
from genrun.experiment.metrics import build_sample_metrics, choose_monitor
from genrun.experiment.networks import build_model, build_networks, check_batch_size
from genrun.experiment.optimizers import audit_optimizers, build_optimizers, build_schedule
from genrun.experiment.process_team import (
    ProcessTeam,
    broadcast_weights,
    join_team,
    sync_batch_norm_layers,
)
from genrun.experiment.stopping import build_stoppers
from genrun.training.batch_norm_update import UpdateBatchNorm
from genrun.training.distributed.gradient_sync import GradientSync
from genrun.training.distributed.process_group import ProcessGroup
from genrun.training.evaluation import Evaluation
from genrun.training.finite import GradientNorms
from genrun.training.hooks import RegularizationHooks
from genrun.training.loss import StepSettings, trained_parameters
from genrun.training.loss_buffer import LossBuffer
from genrun.training.optimizers.audit import MovedParameters
from genrun.training.plan import TrainingPlan
from genrun.training.state import TrainingState
from genrun.training.step import TrainingStep
from genrun.training.weight_averaging import AveragedNetworks

GRID_IMAGES = 64
SCATTER_POINTS = 2000


@dataclass(frozen=True)
class Built:
    """Everything one experiment needs to train."""

    model: Model
    data: Batches
    trial: TrainingState
    step: TrainingStep
    evaluation: Evaluation
    plan: TrainingPlan
    device: torch.device
    processes: ProcessGroup
    gradient_sync: GradientSync | None  # None for a single process
    flops_per_step: int | None  # None if they cannot be counted
    moved: dict[str, list[MovedParameters]]  # by player: the parameters of each update rule

    def parameter_counts(self) -> dict[str, int]:
        """Returns the number of trained parameters by player."""
        return {
            player.name: sum(p.numel() for p in trained_parameters(self.trial.nets, player))
            for player in self.model.players()
        }


def build(config: Config, plugins: Sequence[str]) -> Built:
    """Builds an experiment and checks that its parts fit together; writes nothing but caches.

    Under torchrun this joins the process group. Raises `ConfigError` if parts do not fit.
    """
    team = join_team(config)
    device, processes = team.device, team.processes
    with team.local_rank_zero_first():
        data = build_data(config, device, plugins, team.shard)
    model, regularizations = build_model(config, plugins)
    nets = build_networks(config, model, regularizations, data.spec, plugins).to(device)
    sync_batch_norm_layers(nets, config, processes)
    check_batch_size(nets, data.batch_size, team.shard)
    broadcast_weights(nets, config, data.digest, processes)

    updates: Updates = instantiate("updates", config["updates"], plugins)
    plan = _plan(config, data, model, updates)
    optimizers = build_optimizers(config, model, nets, plugins)
    check_updates(optimizers, updates)
    moved = audit_optimizers(optimizers, model, nets)
    schedules = {
        name: build_schedule(config["schedule"], optimizer, plan.steps, plugins)
        for name, optimizer in optimizers.items()
    }
    trained = [name for player in model.players() for name in player.networks]
    statistics = UpdateBatchNorm(model, data, config["seed"], team.shard)
    averaging = find_weight_average(regularizations, optimizers)
    average = AveragedNetworks(nets, trained, averaging, list(optimizers.values()), statistics)
    evaluation = _evaluation(config, model, average, data, plugins, team)
    measured = evaluation.value_names()
    monitor = choose_monitor(config, model, evaluation.sample_metrics, measured)
    plan = replace(plan, monitor=monitor)
    stoppers = build_stoppers(config, model, monitor, measured, plugins)
    sync = _gradient_sync(team, [nets[name] for name in trained])
    check_closures(optimizers, regularizations, team.shard)
    check_weight_changes(optimizers, regularizations, model)
    hooks = RegularizationHooks.from_regularizations(regularizations)
    step = TrainingStep(
        model, nets.train(), data, optimizers, updates, hooks, sync, _step_settings(config, team)
    )
    step.check()
    epoch = data.train_count / step.examples_per_step
    health = build_health(config["health"], model, measured, epoch)
    gradients = GradientNorms(nets, model.players())
    loss_buffer = LossBuffer(None if team.shard is None else processes.mean)
    trial = TrainingState(
        nets, average, optimizers, step.memory, schedules, stoppers, gradients, health,
        loss_buffer=loss_buffer,
    )  # fmt: skip
    return Built(model, data, trial, step, evaluation, plan, device, processes, sync, None, moved)


def _evaluation(
    config: Config,
    model: Model,
    average: AveragedNetworks,
    data: Batches,
    plugins: Sequence[str],
    team: ProcessTeam,
) -> Evaluation:
    # learned features are trained by one process of a machine and read from the cache by the rest
    with team.local_rank_zero_first():
        sample_metrics = build_sample_metrics(config, data, plugins)
    count = SCATTER_POINTS if data.spec.points else GRID_IMAGES
    return Evaluation(model, average.nets, data, sample_metrics, config["seed"], count)


def _gradient_sync(team: ProcessTeam, trained: list[nn.Module]) -> GradientSync | None:
    return None if team.shard is None else GradientSync(team.processes, trained, team.device)


def _step_settings(config: Config, team: ProcessTeam) -> StepSettings:
    return StepSettings(
        seed=config["seed"],
        device=team.device,
        autocast=torch.bfloat16 if config["runtime"]["precision"] == "bf16" else None,
        compile=config["runtime"]["compile"],
        shard=team.shard,
    )


def build_data(
    config: Config, device: torch.device, plugins: Sequence[str], shard: BatchShard | None = None
) -> Batches:
    """Loads a data set and splits it.

    Raises `InputMissing` if a file cannot be read, `ConfigError` if the source returns anything
    but what `ImageSet` describes.
    """
    settings = dict(config["data"])
    batch_size, held_out = settings.pop("batch_size"), settings.pop("held_out")
    test = settings.pop("test", 0)  # a user's own data need not have a test split
    source = instantiate("data", settings, plugins)
    try:
        loaded = source.load()
    except OSError as error:  # such as a name that is too long, or a folder without permission
        raise InputMissing(f"data: {error.filename}: {error.strerror or error}") from error
    check_loaded(type(source).__name__, loaded)
    return Batches(loaded, held_out, batch_size, config["seed"], device, shard, test)


def _plan(config: Config, data: Batches, model: Model, updates: Updates) -> TrainingPlan:
    steps = config["steps"]
    if config["epochs"] is not None:
        batches = config["epochs"] * data.batches_per_epoch
        steps = max(1, batches // updates.batches(model.players()))
    names = ("log_every", "evaluate_every", "save_every", "sample_every")
    return TrainingPlan(
        steps=steps, **{name: config[name] for name in names}, monitor=model.monitor
    )
