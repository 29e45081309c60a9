"""Each contestant's search space, from YAML files and the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from genrun.config.compose import Composed
from genrun.config.groups import conf_folder
from genrun.config.overrides import check_not_secret, key_of
from genrun.config.yaml_check import check_yaml
from genrun.core.errors import ConfigError
from genrun.proof.contestants import ContestantChoice
from genrun.sweeps.search.space import Choices, Dimension, has_several_values, parse_dimension

FOLDER = "space"  # conf/space/GROUP/CHOICE.yaml
TUNED_WITH_ALL = "optimizer"  # also tuned if other groups are compared
MEASURES = (  # these change the task or its measurement, and are no hyperparameters
    "seed", "steps", "epochs", "monitor", "evaluate_every", "data", "metric", "features",
    "runtime", "plugins", "hydra", "experiment", "sweep", "health",
)  # fmt: skip
ALLOWED = ("data.batch_size",)


def read_space(
    contestant: ContestantChoice,
    composed: Composed,
    given: Mapping[str, str],
    fixed: Sequence[str],
    config_dir: str | None,
) -> dict[str, str]:
    """Returns dimensions as text by key: those of `conf/space`, then `given` ones.

    `fixed` are the overrides of all runs, which remove dimensions. Raises `ConfigError` if a key
    is both fixed and given.
    """
    shared = {key_of(word) for word in fixed}
    for key, text in given.items():
        if key in shared:
            raise ConfigError(
                f"space.{contestant.label}.{key}={text}: has one value for all runs too"
            )
    choices = [(contestant.group, name) for name in contestant.names]
    if contestant.group != TUNED_WITH_ALL:
        choices.append((TUNED_WITH_ALL, composed.choices[TUNED_WITH_ALL]))
    stated: dict[str, str] = {}
    for group, name in choices:
        stated |= _read_space_file(group, name, config_dir)
    return {key: text for key, text in stated.items() if key not in shared} | dict(given)


def shared_keys(
    contestant: ContestantChoice,
    composed: Composed,
    given: Mapping[str, str],
    config_dir: str | None,
) -> set[str]:
    """The keys whose draws are the same for all contestants: those of the fixed optimizer."""
    if contestant.group == TUNED_WITH_ALL:
        return set()
    stated = _read_space_file(TUNED_WITH_ALL, composed.choices[TUNED_WITH_ALL], config_dir)
    return set(stated) - set(given)


def parse_dimensions(
    contestant: ContestantChoice, space: Mapping[str, str]
) -> dict[str, Dimension]:
    """Parses a space. Raises `ConfigError` if a text is invalid or a key cannot be tuned."""
    found: dict[str, Dimension] = {}
    for key, text in space.items():
        check_not_secret(key)
        group = key.split(".")[0].split("/")[0]
        if (group in MEASURES and key not in ALLOWED) or key == contestant.group:
            raise ConfigError(f"space.{contestant.label}.{key}={text}: cannot be tuned")
        searched = has_several_values(key, text)
        found[key] = parse_dimension(key, text) if searched else Choices(text, (text,))
    return found


def _read_space_file(group: str, name: str, config_dir: str | None) -> dict[str, str]:
    """Reads the space of a choice; empty without a file."""
    folders = [conf_folder(), *([] if config_dir is None else [Path(config_dir)])]
    for folder in folders:
        path = folder / FOLDER / group / f"{name}.yaml"
        if path.is_file():
            check_yaml(path)
            return _checked(path, yaml.safe_load(path.read_text(encoding="utf-8")))
    return {}


def _checked(path: Path, content: Any) -> dict[str, str]:
    if not isinstance(content, Mapping) or not all(isinstance(key, str) for key in content):
        raise ConfigError(f"{path}: must be KEY: SPACE, as optimizer.lr: log 1e-4..1e-2")
    for key, text in content.items():
        if not isinstance(text, str | int | float) or isinstance(text, bool):
            raise ConfigError(f"{path}: {key}: must be a space, as log 1e-4..1e-2")
    return {key: str(text) for key, text in content.items()}
