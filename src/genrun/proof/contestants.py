"""The contestants of a proof: choices of one config group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from genrun.config.groups import LIST_GROUPS, conf_folder
from genrun.core.errors import ConfigError
from genrun.core.formatting import did_you_mean

GROUPS = ("optimizer", "schedule", "updates", "regularization", "stopping", "model", "backbone")
NONE = "none"  # of a group that takes a list: an empty one
EXAMPLE = "contestants=[adam,rmsprop,sgd]"


@dataclass(frozen=True)
class ContestantChoice:
    """A contestant: one choice of a group, or several of a group that takes a list."""

    group: str
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """`adam`, `r1+ema` or `none`; also the start of its jobs' names."""
        return "+".join(self.names) or NONE

    @property
    def word(self) -> str:
        """The override that selects it."""
        listed = self.group in LIST_GROUPS
        return f"{self.group}=[{','.join(self.names)}]" if listed else f"{self.group}={self.label}"


def check_group(over: str) -> str:
    """Returns the group. Raises `ConfigError` if its choices cannot be contestants."""
    if over not in GROUPS:
        hint = did_you_mean(over, list(GROUPS))
        raise ConfigError(f"over={over}: must be one of {', '.join(GROUPS)}{hint}")
    return over


def read_contestants(over: str, text: str, config_dir: str | None) -> tuple[ContestantChoice, ...]:
    """Parses `[adam,sgd]`, or for a group that takes lists `[r1,[r1,ema],none]`.

    Raises `ConfigError` if a choice does not exist, or if there are not two different ones.
    """
    known = known_choices(over, config_dir)
    found = tuple(_contestant(over, entry, known) for entry in _entries(text))
    if len(found) < 2:
        raise ConfigError(f"contestants={text}: must be at least two, as {EXAMPLE}")
    for place, one in enumerate(found):
        if any(set(one.names) == set(other.names) for other in found[:place]):
            raise ConfigError(f"contestants={text}: {one.label} is given twice")
    return found


def known_choices(group: str, config_dir: str | None) -> list[str]:
    folders = [conf_folder(), *([] if config_dir is None else [Path(config_dir)])]
    return sorted({path.stem for folder in folders for path in (folder / group).glob("*.yaml")})


def _entries(text: str) -> list[Any]:
    try:
        parsed = OverridesParser.create().parse_override(f"contestants={text}")
    except HydraException as error:
        raise ConfigError(f"contestants={text}: must be a list, as {EXAMPLE}") from error
    value = None if parsed.is_sweep_override() else parsed.value()
    if not isinstance(value, list):
        raise ConfigError(f"contestants={text}: must be a list, as {EXAMPLE}")
    return value


def _contestant(over: str, entry: Any, known: Sequence[str]) -> ContestantChoice:
    takes_list = over in LIST_GROUPS
    if isinstance(entry, list) and not takes_list:
        raise ConfigError(f"contestants: a contestant of {over} is one choice, not {entry}")
    names = [str(name) for name in (entry if isinstance(entry, list) else [entry])]
    if takes_list and names == [NONE]:
        names = []
    for name in names:
        if name not in known:
            hint = did_you_mean(name, list(known))
            raise ConfigError(
                f"contestants: {name} is no choice of {over} ({', '.join(known)}){hint}"
            )
    if len(set(names)) < len(names):
        raise ConfigError(f"contestants: {entry} names a choice twice")
    return ContestantChoice(over, tuple(names))
