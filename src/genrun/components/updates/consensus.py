"""Consensus optimization (Mescheder et al., The Numerics of GANs, 1705.10461)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from genrun.components.updates._simultaneous_moves import check_single_turns, update_all
from genrun.core.errors import ConfigError
from genrun.core.protocols.updates import Game, Memory
from genrun.core.types import Metrics, Player


@dataclass(frozen=True)
class Consensus:
    """Simultaneous updates that also minimize the norm of all gradients (algorithm 2).

    The gradient of player p becomes v_p + gamma d/dw_p (1/2 ||v||^2), where v are the gradients
    of all players. Penalties are part of the losses; gradient changes such as clipping apply to
    the sum. Every layer must have a second derivative, and no loss may detach the other players
    (`genrun.core.opponents`). For one player it is a penalty on its squared gradient norm.
    """

    gamma: float
    takes_turns = False
    moves_weights = False

    def check(self, game: Game) -> None:
        check_single_turns("consensus", game)
        if game.is_compiled:
            raise ConfigError(
                "updates=consensus: differentiates twice, which torch.compile cannot do; "
                "set runtime.compile=false"
            )
        if game.has_gradient_points:
            raise ConfigError(
                "updates=consensus: needs gradients at the weights themselves, and "
                "regularization=sam takes them at other points; leave sam out"
            )
        for player in game.players:
            _check_gradient_graph(game, player)

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
        values = [gradient.detach() for gradient in graphs]
        weights = [weight for player in game.players for weight in game.weights(player)]
        # the derivative of 1/2 ||v||^2 is the Jacobian's transpose times v of the whole batch
        consensus = _differentiate_product(graphs, weights, game.mean(values))
        with torch.no_grad():
            changed = torch._foreach_add(values, consensus, alpha=self.gamma)
        for weight, gradient in zip(weights, changed, strict=True):
            weight.grad = gradient
        for player in game.players:
            game.apply_gradient_changes(player)
        update_all(game)
        return outputs


def _differentiate_product(
    graphs: Sequence[Tensor], weights: Sequence[Tensor], constants: Sequence[Tensor]
) -> list[Tensor]:
    """Returns the derivative by each weight of the inner product of graphs and constants."""
    pairs = [(g, c) for g, c in zip(graphs, constants, strict=True) if g.requires_grad]
    if not pairs:  # all gradients are constant
        return [torch.zeros_like(weight) for weight in weights]
    outputs, factors = zip(*pairs, strict=True)
    return list(torch.autograd.grad(outputs, weights, factors, materialize_grads=True))


def _check_gradient_graph(game: Game, player: Player) -> None:
    """Raises `ConfigError` if the gradient has no derivative by the opponents' weights."""
    opponents = [w for p in game.players if p.name != player.name for w in game.weights(p)]
    graphs = [g for g in game.gradient_graph(player, 0)[0] if g.requires_grad]
    try:
        # not torch.autograd.grad, which skips layers that are not on a path to its inputs
        torch.autograd.backward(graphs, [torch.ones_like(graph) for graph in graphs])
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        text = str(error).splitlines()[0]
        raise ConfigError(
            f"updates=consensus: the gradient of {player.name} cannot be differentiated ({text}); "
            "choose layers that have a second derivative, or other updates"
        ) from error
    is_independent = bool(opponents) and all(weight.grad is None for weight in opponents)
    for weight in [*game.weights(player), *opponents]:
        weight.grad = None
    if is_independent:
        raise ConfigError(
            f"updates=consensus: the gradient of {player.name} does not depend on any other "
            "player's weights; its loss does not use them, or uses torch.no_grad or detach, in "
            "place of which a model needs genrun.core.opponents.opponents_no_grad"
        )
