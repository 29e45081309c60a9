"""The contracts of `conf/regularization`: a regularization implements at least one of these.

They are in the order in which genrun uses them: while a run is built, in each training step, and
after it. A regularization that adds something to networks may have a field `networks`, the names
of those that it applies to; None stands for all that are trained. One that does not fit every
model is also a `ChecksModel` (`core/protocols/model.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from genrun.core.layers import HiddenLayer
from genrun.core.noise import Key
from genrun.core.protocols.model import Model
from genrun.core.types import DataSpec, Metrics, Player


@runtime_checkable
class ModelChange(Protocol):
    """Changes settings of the model, as label smoothing does."""

    def change_model(self, model: Model) -> Model:
        """Returns the changed model. Raises `ConfigError` if the model has no such setting."""


@runtime_checkable
class AddsLayer(Protocol):
    """Adds a layer to every hidden layer of the networks, as dropout and normalization do."""

    before_activation: bool  # where in the hidden layer

    def build_layer(self, channels: int, spatial: bool) -> nn.Module:
        """Returns a new layer that keeps the shape of its input.

        The input is (batch, channels) or, if `spatial`, (batch, channels, height, width).
        """


@runtime_checkable
class ChecksHiddenLayers(Protocol):
    """An `AddsLayer` that does not fit every hidden layer."""

    def check_hidden_layers(self, layers: Sequence[HiddenLayer]) -> None:
        """Raises `ConfigError` if a layer of the chosen networks does not fit."""


@runtime_checkable
class NetworkChange(Protocol):
    """Changes the networks once, before training, as spectral normalization does."""

    def change_network(self, network: nn.Module) -> nn.Module:
        """Returns the network, with some of its modules replaced."""


@runtime_checkable
class CriticInput(Protocol):
    """Adds a layer that all images, real and generated, pass before a critic in training."""

    def build_input_layer(self, spec: DataSpec) -> nn.Module:
        """Returns a layer that keeps the shape of images, (batch, channels, height, width).

        They are in [-1, 1]. The layer may be an `ObservesLogits`. Raises `ConfigError` if data of
        this kind cannot be changed in this way.
        """


@runtime_checkable
class ObservesLogits(Protocol):
    """A module built by a `CriticInput` that adapts to the critic's output."""

    def observe_logits(self, logits: Tensor) -> Metrics:
        """Updates the module's buffers and returns values to log, each of shape ().

        Called once per turn of the critic, inside its loss, with logits (batch,) of real images,
        which are positive for images classified as real.
        """


@runtime_checkable
class KLLayer(Protocol):
    """Adds a layer that the KL term of a loss passes; models with a KL term have a network `kl`.

    The term is the output of the layers, summed over dimensions and averaged over the rest.
    """

    is_weight: bool  # whether the layer multiplies the term; these are applied last

    def build_kl_layer(self) -> nn.Module:
        """Returns a layer from the KL in nats, (batch, latent_dim), to (n, latent_dim)."""


@runtime_checkable
class FollowsStep(Protocol):
    """A module, in any network, with values that are a function of the training step.

    The values are buffers, so that the loss stays a function of networks, batch and key, and not
    persistent, as a resumed run computes them again.
    """

    def begin_step(self, step: int) -> None:
        """Sets the buffers for training step `step`, from 1, without waiting for the device."""


@runtime_checkable
class Penalty(Protocol):
    """Adds a term to a player's loss."""

    def penalty(
        self, model: Model, player: Player, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> Tensor | None:
        """Returns the term, of shape (), or None if this player's loss has none.

        Called in each loss, after the model's own, with the same batch and a key of its own. The
        value is logged as `PLAYER/REGULARIZATION`.
        """


@runtime_checkable
class GradientPoint(Protocol):
    """Takes a player's gradient at a point near its weights, as SAM does.

    The gradient found there updates the weights where they were before, at the cost of a second
    forward and backward pass.
    """

    def move_weights(self, weights: Sequence[Tensor]) -> None:
        """Moves the weights in place, which have their own gradient in `grad`; keeps no graph."""


@runtime_checkable
class GradientChange(Protocol):
    """Changes a player's gradient between the backward pass and the update, as clipping does."""

    def change_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Changes the `grad` of all of a player's parameters in place."""


@runtime_checkable
class WeightChange(Protocol):
    """Changes the weights of some players after each update, as weight clipping does."""

    def applies_to(self, model: Model, player: Player) -> bool: ...

    def change_weights(self, parameters: Sequence[nn.Parameter]) -> None:
        """Changes all of a player's parameters in place."""


@runtime_checkable
class WeightAverage(Protocol):
    """Averages the weights over steps; the averaged networks are evaluated and sampled."""

    def update_average(
        self, averaged: Sequence[Tensor], current: Sequence[Tensor], step: int
    ) -> None:
        """Updates the parameters `averaged` in place, after training step `step`, from 1."""
