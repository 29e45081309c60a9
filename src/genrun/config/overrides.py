"""Checks of a command line's overrides before Hydra reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from genrun.config.groups import GROUPS
from genrun.core.errors import ConfigError

SECRET = re.compile(
    r"(^|.*[_-])(token|secret|password|passwd|passphrase|credentials|api[_-]?key)$", re.IGNORECASE
)
PLAYER_OPTIMIZER = re.compile(r"(players\.[^.=]+\.optimizer)(\.[^=]+)?=")
SPACE = re.compile(r"hydra\.sweeper\.space\.[^=]+=")
LEADING_ZERO = re.compile(r"(?:^|[,\[(])\s*([-+]?0[0-9_]+)\s*(?=[,\])}]|$)")


def check_words(words: Sequence[str]) -> None:
    """Raises `ConfigError` for overrides that Hydra accepts silently or reports badly."""
    for word in words:
        key, value = key_of(word), word.partition("=")[2]
        if not key.strip("@"):
            raise ConfigError(f"{word or repr(word)}: must be KEY=VALUE")
        check_not_secret(key)
        if key in (*GROUPS, "experiment", "sweep") and re.search(r"\.\.|^\W*/", value):
            raise ConfigError(f"{word}: a choice is a name, not a path")
        if zero := LEADING_ZERO.search(value):
            number = zero[1].replace("_", "")
            raise ConfigError(
                f"{word}: {zero[1]} would be another number to some readers of YAML; write "
                f"{int(number)}, or quotes around it for text"
            )


def key_of(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def check_not_secret(key: str) -> None:
    """Raises `ConfigError` for a key named like a secret: config.yaml would contain its value."""
    if any(SECRET.match(part) for part in key.split(".")):
        raise ConfigError(
            f"{key}: is named like a secret, and a run's configuration is written to its folder"
        )


def check_not_repeated(words: Sequence[str]) -> None:
    """Raises `ConfigError` if a key is given twice, of which Hydra would use the last silently.

    Only for what a person typed; a program may append its words to a list of defaults.
    """
    seen: dict[str, str] = {}
    for word in words:
        key = key_of(word)
        if key in seen:
            raise ConfigError(f"{key}: is given twice ({seen[key]}, {word}); keep one")
        seen[key] = word


def hydra_overrides(words: Sequence[str]) -> list[str]:
    """Returns overrides for Hydra: a player's settings and a space are added to empty dicts."""
    return [_hydra_override(word) for word in words]


def _hydra_override(word: str) -> str:
    if SPACE.match(word):
        return f"++{word}"
    matched = PLAYER_OPTIMIZER.match(word)
    if matched is None:
        return word
    if matched[2] is None:
        return f"+optimizer@{word}"
    return f"++{word}"
