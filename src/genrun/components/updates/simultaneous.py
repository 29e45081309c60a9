"""All players' gradients at the same point, on the same batch; then all of them move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from genrun.components.updates._simultaneous_moves import (
    differentiate_all,
    refuse_turns,
    update_all,
)
from genrun.core.errors import ConfigError
from genrun.core.protocols.updates import Game, Memory
from genrun.core.types import Metrics, Player


@dataclass(frozen=True)
class Simultaneous:
    """Simultaneous gradient descent (Mescheder et al., 1705.10461, algorithm 1).

    In the game xy it turns away from the equilibrium whatever the learning rate.
    """

    takes_turns = False
    moves_weights = False

    def check(self, game: Game) -> None:
        refuse_turns("simultaneous", game)
        if len(game.players) == 1:
            raise ConfigError(
                f"updates=simultaneous: is of several players, and {game.players[0].name} is the "
                "only one; updates=alternating is the same for it"
            )

    def batches(self, players: Sequence[Player]) -> int:
        return 1

    def start(self, weights: Sequence[Tensor]) -> Memory:
        return {}

    def step(self, game: Game, step: int, memory: Mapping[str, Memory]) -> Metrics:
        outputs = differentiate_all(game, 0)
        update_all(game)
        return outputs
