"""A saved run's configuration, and what a command line may change of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from genrun.config import schema, validation
from genrun.config.groups import LIST_GROUPS, SINGLE_GROUPS, conf_folder
from genrun.config.hydra_errors import one_line_errors
from genrun.config.limits import Bound, bounds_of_target, skeleton_bounds
from genrun.config.overrides import check_words
from genrun.config.tracker_mode import offline
from genrun.config.validation import flatten
from genrun.config.yaml_check import check_yaml
from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.core.formatting import did_you_mean

MAY_CHANGE = ("steps", "epochs", "stopping", "runtime", "plugins", "tracker")


def read_config(path: Path) -> dict[str, Any]:
    """Returns the configuration in a run's config.yaml as plain types.

    Raises `CheckpointUnusable` if the file is damaged, or holds what genrun does not write.
    """
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
        validation.check_skeleton(plain)
        validation.check(plain, _own_files(plain), _bounds(plain))
    except ConfigError as error:
        raise CheckpointUnusable(f"{path}: {error}") from error
    _check_address(path, plain)
    for key, value in flatten("", plain):
        if isinstance(value, str) and "${" in value:  # genrun writes none: it could read secrets
            raise CheckpointUnusable(f"{path}: {key}: holds an interpolation")
    return plain


def _check_address(path: Path, config: Mapping[str, Any]) -> None:
    """Raises `CheckpointUnusable` if an untrusted run would download from an unknown address."""
    url = config["data"].get("url")
    if url is None or config["data"].get("root"):
        return
    ours = [yaml.safe_load(f.read_text()) for f in (conf_folder() / "data").glob("*.yaml")]
    if url not in [choice.get("url") for choice in ours]:
        raise CheckpointUnusable(
            f"{path}: data.url={url} is not an address of genrun's own; put the file in a folder "
            "and give that as data.root"
        )


def _own_files(config: Mapping[str, Any]) -> dict[str, Any]:
    """The saved settings themselves in place of the YAML files that they came from."""
    groups = {group: config[group] for group in SINGLE_GROUPS}
    return groups | {
        f"{group}.{name}": settings
        for group in LIST_GROUPS
        for name, settings in config[group].items()
    }


def _bounds(config: Mapping[str, Any]) -> dict[str, Bound]:
    """Returns the bounds that genrun's own files state for the keys of a saved configuration."""
    groups = [(group, group, config[group]) for group in SINGLE_GROUPS]
    for group in LIST_GROUPS:
        groups += [(group, f"{group}.{name}", own) for name, own in config[group].items()]
    for name, player in config["players"].items():
        groups.append(("optimizer", f"players.{name}.optimizer", player.get("optimizer")))
    bounds = skeleton_bounds()
    for group, path, settings in groups:
        target = settings.get("_target_", "") if isinstance(settings, Mapping) else ""
        own = bounds_of_target(group, str(target))
        bounds = bounds | {f"{path}.{key}": bound for key, bound in own.items()}
    return bounds


def override(saved: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """Returns the saved configuration with the values of the command line at existing keys.

    Plugins are those of the command line only, and no tracker goes online unless the command line
    requests it again. `tracker=NAME` and `tracker=[NAME,NAME]` choose anew.
    Raises `ConfigError` for an unknown key or a value that does not fit.
    """
    config: dict[str, Any] = offline({**copy.deepcopy(dict(saved)), "plugins": []})
    if "steps" in settings and "epochs" not in settings:
        config["epochs"] = None  # which would win
    for key, text in settings.items():
        *parents, name = key.split(".")
        node: Any = config
        for parent in parents:
            node = node.get(parent) if isinstance(node, dict) else None
        if not isinstance(node, dict) or name not in node:
            known = list(node) if isinstance(node, dict) else list(config)
            raise ConfigError(f"{key}: this run has no such key{did_you_mean(name, known)}")
        node[name] = _value(key, text)
        if key == "tracker":
            node[name] = _chosen_trackers(node[name])
    _check(config, {**saved, "tracker": _own_trackers(saved, config)})
    return config


def _chosen_trackers(value: Any) -> Any:
    """The settings of the choices that were named, as composing would give them."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        return value
    known = _trackers()
    for name in names:
        if name not in known:
            raise ConfigError(f"tracker={name}: must be one of {', '.join(known)}")
    return {name: known[name] for name in names}


def _own_trackers(saved: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that define the keys of the remaining trackers."""
    known = {**saved["tracker"], **_trackers()}
    return {name: known[name] for name in config["tracker"] if name in known}


def _trackers() -> dict[str, Any]:
    files = sorted((conf_folder() / "tracker").glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text()) for file in files}


def _value(key: str, text: str) -> Any:
    """Returns a value as Hydra's grammar parses it: 1:30 is text, not seconds."""
    word = f"{key}={text}"
    check_words([word])
    with one_line_errors([word], [word]):
        parsed = OverridesParser.create().parse_override(word)
    if parsed.is_sweep_override():
        raise ConfigError(f"{word}: one value must be given")
    plain = OmegaConf.to_container(OmegaConf.create({"value": parsed.value()}), resolve=False)
    assert isinstance(plain, dict)
    value = plain["value"]
    for _, leaf in flatten(key, value):
        if isinstance(leaf, str) and "${" in leaf:
            raise ConfigError(f"{word}: an interpolation cannot be given here")
    return value


def _check(config: dict[str, Any], saved: Mapping[str, Any]) -> None:
    """Checks the types against the schema and the saved values."""
    validation.check_skeleton(config)
    try:
        OmegaConf.merge(OmegaConf.structured(schema.Config), config)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error).splitlines()[0]}") from error
    validation.check(config, _own_files(saved), _bounds(config))


def goes_further(saved: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a finished run may have more to do: other steps, or other stopping policies."""
    return any(saved[key] != new[key] for key in ("steps", "epochs", "stopping"))


def check_changes(saved: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """A resumed run may get more steps, another stopping budget or device, and nothing else.

    Raises `CheckpointUnusable` with every field that differs.
    """
    changed = {
        key: pair
        for key, pair in differences(saved, new).items()
        if key.split(".")[0] not in MAY_CHANGE
    }
    if changed:
        listed = "; ".join(
            f"{key} was {was}, requested {now}" for key, (was, now) in changed.items()
        )
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
