"""Consensus optimization (Mescheder et al., The Numerics of GANs, 1705.10461)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.updates._simultaneous_moves import refuse_turns, update_all
from genrun.core.errors import ConfigError
from genrun.core.protocols.updates import Game, Memory
from genrun.core.types import Metrics, Player


@dataclass(frozen=True)
class Consensus:
    """All players move at once, and also to where all gradients v are small (algorithm 2).

    A player's gradient becomes v_p + gamma d/dw_p of 1/2 ||v||^2, v being all players' gradients
    together. Penalties are part of the losses; clipping and the like changes the sum. Every layer
    must have a second derivative, and no loss may hide the other players (`core/others.py`).
    For one player it is a penalty on its squared gradient norm.
    """

    gamma: float
    takes_turns = False
    moves_weights = False

    def check(self, game: Game) -> None:
        refuse_turns("consensus", game)
        if game.is_compiled:
            raise ConfigError(
                "updates=consensus: differentiates twice, which cannot be compiled; "
                "set runtime.compile=false"
            )
        if game.has_gradient_points:
            raise ConfigError(
                "updates=consensus: needs gradients at the weights themselves, and "
                "regularization=sam takes them elsewhere; leave sam out"
            )
        for player in game.players:
            _refuse_hidden(game, player)

    def batches(self, players: Sequence[Player]) -> int:
        return 1

    def start(self, weights: Sequence[Tensor]) -> Memory:
        return {}

    def step(self, game: Game, step: int, memory: Mapping[str, Memory]) -> Metrics:
        outputs: Metrics = {}
        graphs: list[Tensor] = []
        for player in game.players:
            gradients, logged = game.gradient_graph(player, 0)
            graphs += gradients
            outputs |= logged
        own = [gradient.detach() for gradient in graphs]
        weights = [weight for player in game.players for weight in game.weights(player)]
        # the derivative of 1/2 ||v||^2 is the Jacobian's transpose times v, v of the whole batch
        towards = _derivative(graphs, weights, game.mean(own))
        with torch.no_grad():
            changed = torch._foreach_add(own, towards, alpha=self.gamma)
        for weight, gradient in zip(weights, changed, strict=True):
            weight.grad = gradient
        for player in game.players:
            game.apply_gradient_changes(player)
        update_all(game)
        return outputs


def _derivative(
    graphs: Sequence[Tensor], weights: Sequence[Tensor], times: Sequence[Tensor]
) -> list[Tensor]:
    """Of the inner product of `graphs` with the constants `times`, by each of the weights."""
    pairs = [(g, t) for g, t in zip(graphs, times, strict=True) if g.requires_grad]
    if not pairs:  # all gradients are constant
        return [torch.zeros_like(weight) for weight in weights]
    outputs, constants = zip(*pairs, strict=True)
    found = torch.autograd.grad(outputs, weights, constants, materialize_grads=True)
    return list(found)


def _refuse_hidden(game: Game, player: Player) -> None:
    """Raises `ConfigError` where the player's gradient has no derivative by others' weights."""
    others = [w for p in game.players if p.name != player.name for w in game.weights(p)]
    graphs = [g for g in game.gradient_graph(player, 0)[0] if g.requires_grad]
    try:
        # with inputs given, autograd would pass by a layer that can only raise an error
        torch.autograd.backward(graphs, [torch.ones_like(graph) for graph in graphs])
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        text = str(error).splitlines()[0]
        raise ConfigError(
            f"updates=consensus: the gradient of {player.name} cannot be differentiated ({text}); "
            "choose layers that have a second derivative, or other updates"
        ) from error
    hidden = bool(others) and all(weight.grad is None for weight in others)
    for weight in [*game.weights(player), *others]:
        weight.grad = None
    if hidden:
        raise ConfigError(
            f"updates=consensus: the gradient of {player.name} does not change with any other "
            "player's weights; its loss has no part of them, or hides them (torch.no_grad, "
            "detach), where a model says genrun.core.opponents.opponents_no_grad"
        )
