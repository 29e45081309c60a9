"""Alternating gradient descent: players are updated one after another (1406.2661)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from genrun.core.protocols.updates import Game, Memory
from genrun.core.types import Metrics, Player


@dataclass(frozen=True)
class Alternating:
    """Each player takes all its turns, then the next one (Goodfellow et al., algorithm 1).

    Turn i of every player is on batch i of the step.
    """

    takes_turns = True
    moves_weights = False

    def check(self, game: Game) -> None:
        """Accepts every game."""

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
