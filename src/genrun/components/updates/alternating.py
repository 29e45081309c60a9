"""Players move one after the other, each seeing what the ones before it have become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from genrun.core.protocols.updates import Game, Memory
from genrun.core.types import Metrics, Player


@dataclass(frozen=True)
class Alternating:
    """Algorithm 1 of Goodfellow et al. (1406.2661): one takes all its turns, then the next.

    A player's turn i sees the step's batch i, which is the same for all players.
    """

    takes_turns = True
    moves_weights = False

    def check(self, game: Game) -> None:
        """Every game can be played so."""

    def batches(self, players: Sequence[Player]) -> int:
        return max(player.turns for player in players)

    def start(self, weights: Sequence[Tensor]) -> Memory:
        return {}

    def step(self, game: Game, step: int, memory: Mapping[str, Memory]) -> Metrics:
        outputs: Metrics = {}
        for player in game.players:
            for turn in range(player.turns):
                outputs |= game.take_turn(player, turn)
        return outputs
