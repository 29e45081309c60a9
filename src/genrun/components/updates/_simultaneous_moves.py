"""What the ways share in which all players move at once."""

from __future__ import annotations

from genrun.core.errors import ConfigError
from genrun.core.protocols.updates import Game
from genrun.core.types import Metrics


def refuse_turns(name: str, game: Game) -> None:
    """Raises `ConfigError` where a player has several turns a step."""
    for player in game.players:
        if player.turns > 1:
            raise ConfigError(
                f"updates={name}: moves all players at once, and {player.name} has "
                f"{player.turns} turns a step; set model.{player.name}_turns=1, or "
                "updates=alternating or lookahead"
            )


def differentiate_all(game: Game, turn: int) -> Metrics:
    """Every player's gradient at the same weights, on the same batch; what it gives to log."""
    outputs: Metrics = {}
    for player in game.players:
        outputs |= game.differentiate(player, turn)
    return outputs


def update_all(game: Game) -> None:
    for player in game.players:
        game.update(player)
