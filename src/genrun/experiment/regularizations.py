"""Applies regularizations to networks; one that finds nothing to act on is an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from genrun.core.errors import ConfigError
from genrun.core.layers import HiddenLayer, InputTransform
from genrun.core.protocols.model import Adversarial, Model
from genrun.core.protocols.regularization import (
    AddsLayer,
    ChecksHiddenLayers,
    CriticInput,
    KLLayer,
    NetworkChange,
)
from genrun.core.types import DataSpec

KL = "kl"  # the network with the layers of the KL term, in models that have one


def regularize(
    name: str, regularization: Any, model: Model, nets: nn.ModuleDict, spec: DataSpec
) -> None:
    """Adds the regularization's layers to the networks it names, or to all that are trained.

    Raises `ConfigError` if it names no network, an unknown one, or one that it cannot change.
    """
    trained = [network for player in model.players() for network in player.networks]
    names = getattr(regularization, "networks", None)
    _check_names(name, names, trained)
    chosen = trained if names is None else list(names)
    if isinstance(regularization, AddsLayer):
        _add_hidden(name, regularization, nets, chosen, each=names is not None)
    if isinstance(regularization, NetworkChange):
        _change(name, regularization, nets, chosen, each=names is not None)
    if isinstance(regularization, CriticInput):
        assert isinstance(model, Adversarial), "it checks the model"
        critics = [n for p in model.players() if p.name == model.critic for n in p.networks]
        for network in critics:
            nets[network] = InputTransform(regularization.build_input_layer(spec), nets[network])
    if isinstance(regularization, KLLayer):
        _add_to_kl(name, regularization, model, nets)


def _check_names(name: str, names: Sequence[str] | None, trained: Sequence[str]) -> None:
    key, allowed = f"regularization.{name}.networks", ", ".join(trained)
    if names is not None and len(names) == 0:
        raise ConfigError(f"{key}=[]: names no network; those of this model are {allowed}")
    for network in names or ():
        if network not in trained:
            raise ConfigError(f"{key}={network}: the networks of this model are {allowed}")


def _add_hidden(
    name: str,
    regularization: AddsLayer,
    nets: nn.ModuleDict,
    chosen: Sequence[str],
    each: bool,
) -> None:
    """Adds a layer to each hidden layer of the `chosen` networks.

    Raises `ConfigError` if none, or with `each` any one, of them has a hidden layer.
    """
    found = {
        network: [m for m in nets[network].modules() if isinstance(m, HiddenLayer)]
        for network in chosen
    }
    layers = [hidden for hiddens in found.values() for hidden in hiddens]
    without = [network for network, hiddens in found.items() if not hiddens]
    if not layers or (each and without):
        raise ConfigError(
            f"regularization={name} adds to hidden layers, and there are none in "
            f"{', '.join(without)}; add some to the backbone, or leave it out"
        )
    if isinstance(regularization, ChecksHiddenLayers):
        regularization.check_hidden_layers(layers)
    for hidden in layers:
        layer = regularization.build_layer(hidden.channels, hidden.spatial)
        hidden.add_layer(layer, regularization.before_activation)


def _change(
    name: str,
    regularization: NetworkChange,
    nets: nn.ModuleDict,
    chosen: Sequence[str],
    each: bool,
) -> None:
    """Changes the `chosen` networks.

    Raises `ConfigError` if none, or with `each` any one, of them has a layer to change.
    """
    unchanged = []
    for network in chosen:
        before = list(nets[network].modules())
        nets[network] = regularization.change_network(nets[network])
        if list(nets[network].modules()) == before:
            unchanged.append(network)
    if unchanged and (each or len(unchanged) == len(chosen)):
        raise ConfigError(
            f"regularization={name} needs layers that it can change, and there are none in "
            f"{', '.join(unchanged)}"
        )


def _add_to_kl(name: str, regularization: KLLayer, model: Model, nets: nn.ModuleDict) -> None:
    if KL not in nets:
        raise ConfigError(
            f"regularization={name} needs a model whose loss has a KL term "
            f"(vae, beta_vae, vae_gan); that of {type(model).__name__} has none"
        )
    layers = nets[KL]
    assert isinstance(layers, nn.Sequential)
    layers.insert(len(layers) if regularization.is_weight else 0, regularization.build_kl_layer())
