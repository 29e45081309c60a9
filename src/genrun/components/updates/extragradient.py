"""Extragradient: gradients at an extrapolated point (Gidel et al., 1802.10551)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.updates._simultaneous_moves import (
    check_single_turns,
    differentiate_all,
    update_all,
)
from genrun.core.protocols.updates import Game, Memory
from genrun.core.types import Metrics, Player


@dataclass(frozen=True)
class Extragradient:
    """All players extrapolate by a step, and update their old weights with the gradients there.

    Algorithm 4 (Extra-Adam, option 1) for any optimizer: both gradients go through the optimizer
    and change its state, so that Adam averages two gradients a step (its powers of beta are 2t - 1
    and 2t). With SGD without momentum it is Korpelevich's method (algorithm 2; section 3.2).
    Algorithm 4 samples a new mini-batch for the second gradient; without `fresh_batch` it is of
    the same batch and noise. Iterates are not averaged; `regularization=ema` does that.
    """

    fresh_batch: bool
    takes_turns = False
    moves_weights = True

    def check(self, game: Game) -> None:
        check_single_turns("extragradient", game)

    def batches(self, players: Sequence[Player]) -> int:
        return 2 if self.fresh_batch else 1

    def start(self, weights: Sequence[Tensor]) -> Memory:
        return {}

    def step(self, game: Game, step: int, memory: Mapping[str, Memory]) -> Metrics:
        outputs = differentiate_all(game, 0)
        pairs = [(game.weights(p), game.scratch(p, "origin")) for p in game.players]
        with torch.no_grad():
            for weights, origin in pairs:
                torch._foreach_copy_(origin, weights)
        update_all(game)
        for player in game.players:
            if self.fresh_batch:
                game.differentiate(player, 1)
            else:
                game.differentiate_again(player, 0)
        with torch.no_grad():
            for weights, origin in pairs:
                torch._foreach_copy_(weights, origin)
        update_all(game)
        return outputs
