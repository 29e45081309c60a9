"""Lookahead-minmax: all players are averaged with old weights (Chavdarova, 2006.14567)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.updates.alternating import Alternating
from genrun.core.protocols.updates import Game, Memory
from genrun.core.types import Metrics


@dataclass(frozen=True)
class Lookahead(Alternating):
    """Alternating updates; every k steps all weights become slow + alpha (fast - slow).

    These are the new slow weights (algorithm 1). k (`fast_steps`) counts training steps, whatever
    the players' turns, so that all players are averaged at the same time; the optimizers' state is
    not changed. For one player it is Lookahead (Zhang et al., 1907.08610). To evaluate the slow
    weights, set `evaluate_every` to a multiple of k.
    """

    fast_steps: int  # k
    slow_step_size: float  # alpha
    moves_weights = True

    def start(self, weights: Sequence[Tensor]) -> Memory:
        return {"slow": [weight.detach().clone() for weight in weights]}

    def step(self, game: Game, step: int, memory: Mapping[str, Memory]) -> Metrics:
        outputs = super().step(game, step, memory)
        if step % self.fast_steps == 0:
            for player in game.players:
                slow, weights = memory[player.name]["slow"], game.weights(player)
                with torch.no_grad():
                    torch._foreach_lerp_(slow, weights, self.slow_step_size)
                    torch._foreach_copy_(weights, slow)
                game.apply_weight_changes(player)
                with torch.no_grad():
                    torch._foreach_copy_(slow, weights)
        return outputs
