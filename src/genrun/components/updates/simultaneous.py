"""Simultaneous gradient descent (Mescheder et al., 1705.10461)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from genrun.components.updates._simultaneous_moves import (
    check_single_turns,
    differentiate_all,
    update_all,
)
from genrun.core.errors import ConfigError
from genrun.core.protocols.updates import Game, Memory
from genrun.core.types import Metrics, Player


@dataclass(frozen=True)
class Simultaneous:
    """All players are updated with their gradients at the same point and batch (algorithm 1).

    In the game xy it spirals away from the equilibrium at any learning rate.
    """

    takes_turns = False
    moves_weights = False

    def check(self, game: Game) -> None:
        check_single_turns("simultaneous", game)
        if len(game.players) == 1:
            raise ConfigError(
                f"updates=simultaneous: needs several players, and {game.players[0].name} is the "
                "only one; use updates=alternating"
            )

    def batches(self, players: Sequence[Player]) -> int:
        return 1

    def start(self, weights: Sequence[Tensor]) -> Memory:
        return {}

    def step(self, game: Game, step: int, memory: Mapping[str, Memory]) -> Metrics:
        outputs = differentiate_all(game, 0)
        update_all(game)
        return outputs
