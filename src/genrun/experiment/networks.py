"""Builds the model, its networks, and the regularizations that change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from genrun.core.errors import ConfigError
from genrun.core.noise import fold_in
from genrun.core.protocols.model import ChecksModel, Model
from genrun.core.protocols.regularization import ModelChange
from genrun.core.types import BatchShard, DataSpec
from genrun.experiment.instantiate import Config, config_errors, instantiate
from genrun.experiment.memory import build_on_meta, check_networks_fit
from genrun.experiment.regularizations import regularize


def build_model(config: Config, plugins: Sequence[str]) -> tuple[Model, dict[str, Any]]:
    """Returns the model, changed by the regularizations, and these by name."""
    model: Model = instantiate("model", config["model"], plugins)
    if not hasattr(model, "data_range"):
        raise ConfigError(
            f"model: {type(model).__name__} has no data_range, the range of the data that its "
            "networks see, such as data_range = (0.0, 1.0)"
        )
    regularizations = {
        name: instantiate("regularization", settings, plugins, f"regularization.{name}")
        for name, settings in config["regularization"].items()
    }
    for regularization in regularizations.values():
        if isinstance(regularization, ModelChange):
            model = regularization.change_model(model)
        if isinstance(regularization, ChecksModel):
            regularization.check_model(model)
    return model, regularizations


def build_networks(
    config: Config,
    model: Model,
    regularizations: Mapping[str, Any],
    spec: DataSpec,
    plugins: Sequence[str],
    check: Callable[[nn.ModuleDict], None] = check_networks_fit,
) -> nn.ModuleDict:
    """Returns the networks on the CPU, so that a seed gives the same weights on every device.

    `check` is called with the networks on the meta device, before memory is allocated.
    """
    backbone = instantiate("backbone", config["backbone"], plugins)

    def make() -> nn.ModuleDict:
        with config_errors("backbone"):
            nets = model.build_networks(backbone, spec)
        for name, regularization in regularizations.items():
            regularize(name, regularization, model, nets, spec)
        return nets

    planned = build_on_meta(make)
    if planned is not None:
        check(planned)
    torch.default_generator.manual_seed(fold_in(config["seed"], "weights") & (2**63 - 1))
    return make()


def check_batch_size(nets: nn.ModuleDict, batch_size: int, shard: BatchShard | None) -> None:
    """Raises `ConfigError` if a layer would normalize over a single image."""
    normalized = any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in nets.modules())
    if normalized and batch_size == 1:
        raise ConfigError("data.batch_size=1: batch normalization needs at least 2 images")
    if normalized and shard is not None and shard.rows == 1:
        raise ConfigError(
            f"data.batch_size={batch_size}: batch normalization needs at least 2 images in each "
            f"of {shard.count} processes, or runtime.sync_batch_norm=true"
        )
