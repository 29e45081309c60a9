"""What a regularization can do: it has the methods of at least one of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from genrun.core.layers import HiddenLayer
from genrun.core.noise import Key
from genrun.core.protocols.model import Model
from genrun.core.types import DataSpec, Player


@runtime_checkable
class AddsLayer(Protocol):
    """Adds a layer to every hidden layer of a network."""

    before_activation: bool

    def build_layer(self, channels: int, spatial: bool) -> nn.Module:
        """For (batch, channels) or, if `spatial`, (batch, channels, height, width)."""


@runtime_checkable
class ChecksHiddenLayers(Protocol):
    """A `AddsLayer` that does not fit every hidden layer. Raises `ConfigError`."""

    def check_hidden_layers(self, layers: Sequence[HiddenLayer]) -> None: ...


@runtime_checkable
class CriticInput(Protocol):
    """Adds a layer through which a critic sees every image while it trains, real or generated."""

    def build_input_layer(self, spec: DataSpec) -> nn.Module:
        """From and to what the critic sees, (batch, channels, height, width) in [-1, 1].

        Raises `ConfigError` where data of this kind cannot be changed so.
        """


@runtime_checkable
class KLLayer(Protocol):
    """Changes the KL term of a loss. Models with one have a sequence of such layers, `kl`."""

    is_weight: bool  # whether it multiplies the term: those come last

    def build_kl_layer(self) -> nn.Module:
        """From KL in nats (batch, latent_dim) to (any, latent_dim).

        The term is what that gives, summed over dimensions and averaged over the rest.
        """


@runtime_checkable
class FollowsStep(Protocol):
    """A module with numbers that are a function of the step.

    They are buffers, so that the loss stays a function of networks, batch and key, and not
    persistent, as a resumed run computes them anew.
    """

    def begin_step(self, step: int) -> None:
        """Sets them for training step `step`, from 1. Does not wait for the device."""


@runtime_checkable
class NetworkChange(Protocol):
    """Changes a network once, before training."""

    def change_network(self, network: nn.Module) -> nn.Module: ...


@runtime_checkable
class ModelChange(Protocol):
    """Changes the model's own settings once."""

    def change_model(self, model: Model) -> Model: ...


@runtime_checkable
class Penalty(Protocol):
    """A term added to a player's loss."""

    def penalty(
        self, model: Model, player: Player, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> Tensor | None:
        """A tensor of shape (), or None where this player does not pay it."""


@runtime_checkable
class GradientPoint(Protocol):
    """Says where near its weights a player's gradient is taken; its update starts from them."""

    def move_weights(self, weights: Sequence[Tensor]) -> None:
        """Moves the weights there in place, given their own gradients; no graph is kept."""


@runtime_checkable
class GradientChange(Protocol):
    """Changes a player's gradients in place, between the backward pass and the update."""

    def change_gradients(self, parameters: Sequence[nn.Parameter]) -> None: ...


@runtime_checkable
class WeightChange(Protocol):
    """Changes some players' weights in place, whenever they have been moved."""

    def applies_to(self, model: Model, player: Player) -> bool: ...

    def change_weights(self, parameters: Sequence[nn.Parameter]) -> None: ...


@runtime_checkable
class WeightAverage(Protocol):
    """Keeps averaged networks, which are the ones that are evaluated and sampled."""

    def update_average(
        self, averaged: Sequence[Tensor], current: Sequence[Tensor], step: int
    ) -> None:
        """Moves the parameters `averaged` in place, after training step `step`."""
