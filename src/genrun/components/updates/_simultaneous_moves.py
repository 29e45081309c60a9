"""Steps shared by the rules in which all players move simultaneously."""

from __future__ import annotations

from genrun.core.errors import ConfigError
from genrun.core.protocols.updates import Game
from genrun.core.types import Metrics


def check_single_turns(name: str, game: Game) -> None:
    """Raises `ConfigError` if a player has several turns a step."""
    for player in game.players:
        if player.turns > 1:
            raise ConfigError(
                f"updates={name}: updates all players simultaneously, and {player.name} has "
                f"{player.turns} turns a step; set model.{player.name}_turns=1, or "
                "updates=alternating or lookahead"
            )


def differentiate_all(game: Game, turn: int) -> Metrics:
    """Computes every player's gradient at the same weights and batch; returns values to log."""
    outputs: Metrics = {}
    for player in game.players:
        outputs |= game.differentiate(player, turn)
    return outputs


def update_all(game: Game) -> None:
    """Updates every player with the gradient in its weights' `grad`."""
    for player in game.players:
        game.update(player)
