"""Optimistic gradient descent (Daskalakis et al., 1711.00141)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.updates._simultaneous_moves import check_single_turns, differentiate_all
from genrun.core.protocols.updates import Game, Memory
from genrun.core.types import Metrics, Player


@dataclass(frozen=True)
class Optimistic:
    """Simultaneous updates by w_t = w_{t-1} + 2 d_t - d_{t-1}, with d_0 = 0.

    d_t is the optimizer's step. With SGD without momentum it is -lr g, the paper's optimistic
    mirror descent; with Adam it is the paper's algorithm 1, Optimistic Adam. Decoupled weight
    decay is part of d; weight changes by regularizations, such as clipping, are not, and apply to
    w_t.
    """

    takes_turns = False
    moves_weights = True

    def check(self, game: Game) -> None:
        check_single_turns("optimistic", game)

    def batches(self, players: Sequence[Player]) -> int:
        return 1

    def start(self, weights: Sequence[Tensor]) -> Memory:
        return {"direction": [torch.zeros_like(weight) for weight in weights]}

    def step(self, game: Game, step: int, memory: Mapping[str, Memory]) -> Metrics:
        outputs = differentiate_all(game, 0)
        for player in game.players:
            weights, origin = game.weights(player), game.scratch(player, "back")
            with torch.no_grad():
                torch._foreach_copy_(origin, weights)
            game.optimizer_step(player)
            with torch.no_grad():
                _extrapolate(weights, origin, memory[player.name]["direction"])
            game.apply_weight_changes(player)
        return outputs


def _extrapolate(weights: list[Tensor], origin: list[Tensor], direction: list[Tensor]) -> None:
    """Changes `weights` from w + d_t to w + 2 d_t - d_{t-1}, and `direction` to d_t, in place.

    `origin` is w, and is overwritten.
    """
    torch._foreach_sub_(origin, weights)  # -d_t
    torch._foreach_sub_(weights, origin)
    torch._foreach_sub_(weights, direction)
    torch._foreach_neg_(origin)
    torch._foreach_copy_(direction, origin)
