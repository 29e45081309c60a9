"""From a checked configuration to objects. The only place that instantiates.

`_target_` may name classes of genrun and torch.optim, each in its own group, and classes in the
modules that the user's own command line lists in `plugins`: a saved run's configuration can name
nothing else, so a stranger's run cannot run code.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from genrun.core.errors import ConfigError, DeviceUnavailable
from genrun.core.layers import Hidden
from genrun.core.noise import fold_in
from genrun.core.protocols import (
    ChecksModel,
    GradientChange,
    HiddenLayer,
    Metric,
    Model,
    ModelChange,
    Monitors,
    NetworkChange,
    Penalty,
    Stopper,
    WeightAverage,
)
from genrun.core.types import DataSpec
from genrun.data.images import Batches
from genrun.training.average import AveragedNetworks
from genrun.training.evaluation import Evaluation
from genrun.training.loop import Plan
from genrun.training.schedule import Schedule
from genrun.training.step import StepSettings, TrainingStep, trained_parameters
from genrun.training.trial import Trial

GRID = 64  # images in a sample grid
ALLOWED = {
    "optimizer": "torch.optim.",
    "schedule": "torch.optim.lr_scheduler.",
    **{
        group: f"genrun.{group}."
        for group in ("data", "model", "backbone", "regularization", "stopping", "metric")
    },
}
TO_THE_END = ("T_max", "total_iters")  # null means: as many steps as are left after warm-up

Config = Mapping[str, Any]


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


def instantiate(group: str, settings: Config, plugins: Sequence[str], key: str = "") -> Any:
    """The object that `settings` describe. Raises `ConfigError` naming the group."""
    target = find_class(group, settings, plugins)
    arguments = {name: value for name, value in settings.items() if name != "_target_"}
    if any("_target_" in value for value in arguments.values() if isinstance(value, Mapping)):
        raise ConfigError(f"{key or group}: a _target_ inside another is not allowed")
    with _config_errors(key or group):
        return target(**arguments)


def find_class(group: str, settings: Config, plugins: Sequence[str]) -> type:
    """The class that `_target_` names, if it may."""
    name = settings.get("_target_")
    if not isinstance(name, str):
        raise ConfigError(f"{group}._target_: must name a class")
    own = name.startswith(ALLOWED[group])
    if not own and not any(name.startswith(f"{module}.") for module in plugins):
        raise ConfigError(
            f"{group}._target_={name}: must be in {ALLOWED[group].rstrip('.')}, or in a module "
            "that your own command line lists in plugins=[…]"
        )
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{group}._target_={name}: cannot be imported ({error})") from error
    if not inspect.isclass(found):
        raise ConfigError(f"{group}._target_={name}: is not a class")
    return found


@contextmanager
def _config_errors(where: str) -> Iterator[None]:
    """What a constructor does not like, as one line that names where it was set."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{where}: {error}") from error


def find_device(name: str) -> torch.device:
    """Raises `DeviceUnavailable`, or `ConfigError` for what is no device."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not (kind == "cuda" and index.isdigit())):
        raise ConfigError(f"runtime.device={name}: must be auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda" and not torch.cuda.is_available():
        raise DeviceUnavailable(f"runtime.device={name}: there is no CUDA GPU here; cpu is")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceUnavailable(f"runtime.device={name}: there is no Apple GPU here; cpu is")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        raise DeviceUnavailable(f"runtime.device={name}: the GPUs here are cuda:0 to cuda:{last}")
    return torch.device(kind, int(index or 0)) if kind == "cuda" else torch.device(kind)


def build(config: Config, plugins: Sequence[str]) -> Built:
    """Builds everything and checks what only the parts know. Creates no file but caches."""
    device = find_device(config["runtime"]["device"])
    if config["runtime"]["threads"] is not None:
        torch.set_num_threads(config["runtime"]["threads"])
    data = build_data(config, device, plugins)
    model, regularizations = build_model(config, plugins)
    nets = build_networks(config, model, regularizations, data.spec, plugins).to(device)
    _check_batch_size(nets, data.batch_size)

    plan = _plan(config, data, model)
    optimizers = _optimizers(config, model, nets, plugins)
    schedules = {
        name: _schedule(config["schedule"], optimizer, plan.steps, plugins)
        for name, optimizer in optimizers.items()
    }
    averages = [r for r in regularizations.values() if isinstance(r, WeightAverage)]
    trained = [name for player in model.players() for name in player.networks]
    average = AveragedNetworks(nets, trained, averages[0] if averages else None)
    evaluation = _evaluation(config, model, average.nets, data, plugins)
    stoppers = _stoppers(config, model, evaluation.names(), plugins)
    step = TrainingStep(
        model,
        nets.train(),
        data,
        optimizers,
        {name: r for name, r in regularizations.items() if isinstance(r, Penalty)},
        [r for r in regularizations.values() if isinstance(r, GradientChange)],
        StepSettings(
            seed=config["seed"],
            device=device,
            autocast=torch.bfloat16 if config["runtime"]["precision"] == "bf16" else None,
            compile=config["runtime"]["compile"],
        ),
    )
    trial = Trial(nets, average, optimizers, schedules, stoppers)
    return Built(model, data, trial, step, evaluation, plan, device)


def build_data(config: Config, device: torch.device, plugins: Sequence[str]) -> Batches:
    """Reads the images and splits them."""
    settings = dict(config["data"])
    batch_size, held_out = settings.pop("batch_size"), settings.pop("held_out")
    source = instantiate("data", settings, plugins).load()
    return Batches(source, held_out, batch_size, config["seed"], device)


def build_model(config: Config, plugins: Sequence[str]) -> tuple[Model, dict[str, Any]]:
    """The model, and the regularizations by name, some of which changed it."""
    model: Model = instantiate("model", config["model"], plugins)
    regularizations = {
        name: instantiate("regularization", settings, plugins, f"regularization.{name}")
        for name, settings in config["regularization"].items()
    }
    for regularization in regularizations.values():
        if isinstance(regularization, ModelChange):
            model = regularization.change_model(model)
        if isinstance(regularization, ChecksModel):
            regularization.check(model)
    return model, regularizations


def build_networks(
    config: Config,
    model: Model,
    regularizations: Mapping[str, Any],
    spec: DataSpec,
    plugins: Sequence[str],
) -> nn.ModuleDict:
    """The networks on the CPU, so that a seed gives the same weights on every device."""
    backbone = instantiate("backbone", config["backbone"], plugins)
    torch.default_generator.manual_seed(fold_in(config["seed"], "weights") & (2**63 - 1))
    with _config_errors("backbone"):
        nets = model.networks(backbone, spec)
    for name, regularization in regularizations.items():
        _regularize(name, regularization, model, nets)
    return nets


def _regularize(name: str, regularization: Any, model: Model, nets: nn.ModuleDict) -> None:
    """Adds the regularization's layers to the networks it names, or to all that are trained."""
    trained = [network for player in model.players() for network in player.networks]
    chosen = getattr(regularization, "networks", None)
    for network in chosen or ():
        if network not in trained:
            raise ConfigError(
                f"regularization.{name}.networks={network}: the networks of this model are "
                f"{', '.join(trained)}"
            )
    for network in trained if chosen is None else chosen:
        if isinstance(regularization, HiddenLayer):
            for hidden in [m for m in nets[network].modules() if isinstance(m, Hidden)]:
                place = hidden.before if regularization.before_activation else hidden.after
                place.append(regularization.layer(hidden.channels, hidden.spatial))
        if isinstance(regularization, NetworkChange):
            nets[network] = regularization.change(nets[network])


def _check_batch_size(nets: nn.ModuleDict, batch_size: int) -> None:
    normalized = any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in nets.modules())
    if normalized and batch_size == 1:
        raise ConfigError("data.batch_size=1: batch normalization needs at least 2 images")


def _plan(config: Config, data: Batches, model: Model) -> Plan:
    steps = config["steps"]
    if config["epochs"] is not None:
        turns = max(player.turns for player in model.players())
        steps = max(1, config["epochs"] * data.batches_per_epoch // turns)
    names = ("log_every", "evaluate_every", "save_every", "sample_every")
    return Plan(steps=steps, **{name: config[name] for name in names}, monitor=model.monitor)


def _optimizers(
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
        name: _optimizer(
            config["players"].get(name, config)["optimizer"],
            trained_parameters(nets, player),
            plugins,
        )
        for name, player in players.items()
    }


def _optimizer(
    settings: Config, parameters: Sequence[nn.Parameter], plugins: Sequence[str]
) -> torch.optim.Optimizer:
    kind = find_class("optimizer", settings, plugins)
    arguments = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in settings.items()
        if name != "_target_"
    }
    with _config_errors("optimizer"):
        try:
            optimizer = kind(parameters, **arguments)
        except RuntimeError as error:
            # torch has a fused kernel for each optimizer on some devices only
            if not arguments.get("fused") or "fused" not in str(error):
                raise
            optimizer = kind(parameters, **{**arguments, "fused": False})
    assert isinstance(optimizer, torch.optim.Optimizer)
    return optimizer


def _schedule(
    settings: Config, optimizer: torch.optim.Optimizer, steps: int, plugins: Sequence[str]
) -> Schedule:
    kind = find_class("schedule", settings, plugins)
    warmup_steps = settings["warmup_steps"]
    arguments = {
        name: max(1, steps - warmup_steps) if name in TO_THE_END and value is None else value
        for name, value in settings.items()
        if name not in ("_target_", "warmup_steps")
    }
    make: Callable[[torch.optim.Optimizer], Any] = lambda chosen: kind(chosen, **arguments)  # noqa: E731  # shorter than a function of the same line
    with _config_errors("schedule"):
        return Schedule(optimizer, make, warmup_steps)


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
