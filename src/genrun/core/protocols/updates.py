"""The contract of `conf/updates`: how the players update their weights in one training step.

A choice is an `Updates`; genrun passes it a `Game`, by which it evaluates gradients and runs the
players' optimizers. Models with one player use it, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from genrun.core.types import Metrics, Player

Memory = dict[str, list[Tensor]]
"""What updates keep of a player between steps, by name: a tensor like each of its weights."""


class Game(Protocol):
    """The players, their weights, losses and optimizers in one training step.

    Implemented by genrun. No method waits for the device. `turn` selects one of the step's batches
    and its noise: the loss at the same turn is the same function of the weights. The metrics
    returned are values to log, named `PLAYER/loss` and so on.
    """

    players: tuple[Player, ...]
    is_compiled: bool  # losses go through torch.compile, so that `gradient_graph` does not work
    has_gradient_points: bool  # a regularization evaluates gradients away from the weights

    def weights(self, player: Player) -> list[Tensor]:
        """Returns the parameters that the player's optimizer updates."""

    def scratch(self, player: Player, use: str) -> list[Tensor]:
        """Returns uninitialized tensors like the player's weights, the same for each `use`."""

    def take_turn(self, player: Player, turn: int) -> Metrics:
        """Runs `differentiate` and `update`; optimizers with a closure work in this way only."""

    def differentiate(self, player: Player, turn: int) -> Metrics:
        """Sets `grad` of the player's weights, after all-reduce and gradient changes."""

    def differentiate_again(self, player: Player, turn: int) -> Metrics:
        """Does the same for a turn that was differentiated before, at other weights.

        Buffers that follow the inputs, such as BatchNorm's, do not count the batch twice.
        """

    def update(self, player: Player) -> None:
        """Runs `optimizer_step` and `apply_weight_changes`."""

    def optimizer_step(self, player: Player) -> None:
        """Runs one step of the player's optimizer with the gradient in `grad`."""

    def apply_weight_changes(self, player: Player) -> None:
        """Applies the regularizations that change weights; needed whenever weights were moved."""

    def gradient_graph(self, player: Player, turn: int) -> tuple[Sequence[Tensor], Metrics]:
        """Returns the gradient as a differentiable function of all players' weights.

        It is of this process's rows, before all-reduce and gradient changes.
        """

    def mean(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        """Returns the mean over the processes."""

    def apply_gradient_changes(self, player: Player) -> None:
        """Applies all-reduce and gradient changes to a gradient that was written to `grad`."""


class Updates(Protocol):
    """How the players of a game move in one training step, with any optimizers.

    `components/updates/alternating.py` is the smallest example.
    """

    takes_turns: bool  # uses only `Game.take_turn`, so that optimizers may evaluate the loss
    moves_weights: bool  # changes weights other than by the optimizers

    def check(self, game: Game) -> None:
        """Raises `ConfigError` if the rule does not work for this game; called before training."""

    def batches(self, players: Sequence[Player]) -> int:
        """Returns the number of batches per training step; turns count from 0 to one less."""

    def start(self, weights: Sequence[Tensor]) -> Memory:
        """Returns the initial memory of a player with these weights, {} if none is needed.

        It is saved in checkpoints.
        """

    def step(self, game: Game, step: int, memory: Mapping[str, Memory]) -> Metrics:
        """Runs training step `step`, from 1, and changes the memory, by player, in place.

        Returns the values to log.
        """
