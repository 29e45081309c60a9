"""A saved run's configuration, and what a command line may change of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from genrun import config as checks
from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.groups import LIST_GROUPS, SINGLE_GROUPS
from genrun.runs.folder import RunFolder
from genrun.values import leaves
from genrun.yaml_files import check_yaml

MAY_CHANGE = ("steps", "epochs", "stopping", "runtime", "plugins")


def read_config(folder: RunFolder) -> dict[str, Any]:
    """A run's configuration as plain types. Raises `CheckpointUnusable` where it is damaged."""
    path = folder.config_path
    try:
        check_yaml(path)
        config = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except ConfigError as error:  # has the path and the line
        raise CheckpointUnusable(str(error)) from error
    except Exception as error:
        text = str(error).splitlines()[0]
        raise CheckpointUnusable(f"{path}: cannot be read ({text})") from error
    assert isinstance(config, dict)
    plain = {str(key): value for key, value in config.items()}
    try:
        checks.check_skeleton(plain)
        checks.check(plain, _own_files(plain))
    except ConfigError as error:
        raise CheckpointUnusable(f"{path}: {error}") from error
    for key, value in leaves("", plain):
        if isinstance(value, str) and "${" in value:  # genrun writes none: it could read secrets
            raise CheckpointUnusable(f"{path}: {key}: holds an interpolation")
    return plain


def _own_files(config: Mapping[str, Any]) -> dict[str, Any]:
    """The saved settings themselves in place of the YAML files that they came from."""
    groups = {group: config[group] for group in SINGLE_GROUPS}
    return groups | {
        f"{group}.{name}": settings
        for group in LIST_GROUPS
        for name, settings in config[group].items()
    }


def override(saved: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """The saved configuration with the command line's values at keys that it has.

    Its plugins are forgotten: only the command line's may be imported. Raises `ConfigError` for an
    unknown key or a value that does not fit.
    """
    config: dict[str, Any] = {**copy.deepcopy(dict(saved)), "plugins": []}
    if "steps" in settings and "epochs" not in settings:
        config["epochs"] = None  # which would win
    for key, text in settings.items():
        *parents, name = key.split(".")
        node: Any = config
        for parent in parents:
            node = node.get(parent) if isinstance(node, dict) else None
        if not isinstance(node, dict) or name not in node:
            known = list(node) if isinstance(node, dict) else list(config)
            raise ConfigError(f"{key}: this run has no such key{checks.did_you_mean(name, known)}")
        node[name] = _value(key, text)
    _check(config, saved)
    return config


def _value(key: str, text: str) -> Any:
    try:
        parsed = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={text}"]))
    except Exception as error:
        raise ConfigError(f"{key}={text}: {str(error).splitlines()[0]}") from error
    assert isinstance(parsed, dict)
    return parsed["value"]


def _check(config: dict[str, Any], saved: Mapping[str, Any]) -> None:
    """The types are those of the schema and of the saved values."""
    try:
        OmegaConf.merge(OmegaConf.structured(checks.Config), config)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error).splitlines()[0]}") from error
    checks.check(config, _own_files(saved))


def refuse_changes(saved: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """A resumed run may get more steps, another stopping budget or device, and nothing else.

    Raises `CheckpointUnusable` with every field that differs.
    """
    changed = {
        key: pair
        for key, pair in differences(saved, new).items()
        if key.split(".")[0] not in MAY_CHANGE
    }
    if changed:
        listed = "; ".join(f"{key} was {was}, asked {now}" for key, (was, now) in changed.items())
        raise CheckpointUnusable(
            f"{listed}: only {', '.join(MAY_CHANGE)} may change when a run is resumed"
        )


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], path: str = ""
) -> dict[str, tuple[Any, Any]]:
    """Every key whose value differs, with both values."""
    found: dict[str, tuple[Any, Any]] = {}
    for key in dict.fromkeys([*old, *new]):
        was, now = old.get(key), new.get(key)
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            found |= differences(was, now, f"{path}{key}.")
        elif was != now:
            found[f"{path}{key}"] = (was, now)
    return found
