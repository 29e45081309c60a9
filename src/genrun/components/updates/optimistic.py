"""Optimistic gradient descent: twice the new direction less the last (Daskalakis et al.)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.updates._simultaneous_moves import differentiate_all, refuse_turns
from genrun.core.protocols.updates import Game, Memory
from genrun.core.types import Metrics, Player


@dataclass(frozen=True)
class Optimistic:
    """Daskalakis et al. (1711.00141): w_t = w_{t-1} + 2 d_t - d_{t-1}.

    d is how far the optimizer would go. With plain SGD that is -lr g, the paper's optimistic
    mirror descent; with Adam it is its algorithm 1, Optimistic Adam. Decoupled weight
    decay is part of d; what a regularization makes of the weights (clipping) is not, and is made
    of w_t. The first step has no direction before it: d_0 = 0.
    """

    takes_turns = False
    moves_weights = True

    def check(self, game: Game) -> None:
        refuse_turns("optimistic", game)

    def batches(self, players: Sequence[Player]) -> int:
        return 1

    def start(self, weights: Sequence[Tensor]) -> Memory:
        return {"direction": [torch.zeros_like(weight) for weight in weights]}

    def step(self, game: Game, step: int, memory: Mapping[str, Memory]) -> Metrics:
        outputs = differentiate_all(game, 0)
        for player in game.players:
            weights, back = game.weights(player), game.scratch(player, "back")
            with torch.no_grad():
                torch._foreach_copy_(back, weights)
            game.optimizer_step(player)
            with torch.no_grad():
                _go_on(weights, back, memory[player.name]["direction"])
            game.apply_weight_changes(player)
        return outputs


def _go_on(weights: list[Tensor], back: list[Tensor], direction: list[Tensor]) -> None:
    """From w + d to w + 2 d - the last d, which then is d; `back` holds w."""
    torch._foreach_sub_(back, weights)  # -d
    torch._foreach_sub_(weights, back)
    torch._foreach_sub_(weights, direction)
    torch._foreach_neg_(back)
    torch._foreach_copy_(direction, back)
