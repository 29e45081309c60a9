"""Checks the words of a command line and turns them into Hydra's overrides."""

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
    """Raises `ConfigError` for words that Hydra accepts silently or reports unclearly."""
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
                f"{word}: {zero[1]} is octal in some versions of YAML; write {int(number)}, "
                "or put quotes around it for text"
            )


def key_of(word: str) -> str:
    """Returns the key of an override, without Hydra's prefixes."""
    return word.lstrip("+~").partition("=")[0]


def check_not_secret(key: str) -> None:
    """Raises `ConfigError` if a key is named like a secret, as values are written to disk."""
    if any(SECRET.match(part) for part in key.split(".")):
        raise ConfigError(
            f"{key}: is named like a secret, which would be written to the run's folder"
        )


def check_not_repeated(words: Sequence[str]) -> None:
    """Raises `ConfigError` if a key is given twice, as Hydra silently takes the last.

    For typed command lines only; a program may append words to a list of defaults.
    """
    seen: dict[str, str] = {}
    for word in words:
        key = key_of(word)
        if key in seen:
            raise ConfigError(f"{key}: is given twice ({seen[key]}, {word}); keep one")
        seen[key] = word


def hydra_overrides(words: Sequence[str]) -> list[str]:
    """Returns overrides in Hydra's syntax, with prefixes for keys that are not in the files."""
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
