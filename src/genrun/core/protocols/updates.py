"""How players take turns: what a choice of it is given, and what it must be able to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from genrun.core.types import Metrics, Player

Memory = dict[str, list[Tensor]]
"""By name, what updates keep of a player from step to step: a tensor like each of its weights."""


class Game(Protocol):
    """The players in one training step. Nothing here waits for the device.

    `turn` says which of the step's batches and whose noise: the same turn is the same function.
    Values to log are named `PLAYER/loss` and so on, as the first look at the batch gave them.
    """

    players: tuple[Player, ...]
    is_compiled: bool  # losses go through torch.compile, and can be differentiated once
    has_gradient_points: bool  # a regularization takes gradients at other points than the weights

    def weights(self, player: Player) -> list[Tensor]:
        """What the player's optimizer moves."""

    def scratch(self, player: Player, use: str) -> list[Tensor]:
        """Memory like the player's weights, the same at every call; what is in it may be old."""

    def take_turn(self, player: Player, turn: int) -> Metrics:
        """`differentiate` and `update`, one after the other."""

    def differentiate(self, player: Player, turn: int) -> Metrics:
        """Leaves the gradient of the player's loss in its weights, changed and ready for use."""

    def differentiate_again(self, player: Player, turn: int) -> Metrics:
        """The same at other weights; layers that follow their inputs do not see a batch twice."""

    def update(self, player: Player) -> None:
        """`optimizer_step` and `apply_weight_changes`, one after the other."""

    def optimizer_step(self, player: Player) -> None:
        """One step of the player's optimizer with the gradient that is left in its weights."""

    def apply_weight_changes(self, player: Player) -> None:
        """What regularizations make of the weights, wherever they have been moved to."""

    def gradient_graph(self, player: Player, turn: int) -> tuple[Sequence[Tensor], Metrics]:
        """The gradient, not yet changed, that can itself be differentiated by all weights."""

    def mean(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        """Over the processes, which have a share of the batch each."""

    def apply_gradient_changes(self, player: Player) -> None:
        """What processes and regularizations make of a gradient that was put into its weights."""


class Updates(Protocol):
    """How the players of a game move in one training step, around any optimizers."""

    takes_turns: bool  # by `take_turn` alone, in which an optimizer may evaluate the loss itself
    moves_weights: bool  # elsewhere than where an optimizer left them

    def check(self, game: Game) -> None:
        """Raises `ConfigError` where the players cannot move like this."""

    def batches(self, players: Sequence[Player]) -> int:
        """How many batches a training step takes."""

    def start(self, weights: Sequence[Tensor]) -> Memory:
        """What is kept of a player that begins with these weights. Checkpoints hold it."""

    def step(self, game: Game, step: int, memory: Mapping[str, Memory]) -> Metrics:
        """Training step `step`, from 1; changes the memory, by player, in place."""
