"""Checks of a whole configuration: its keys, and each value's type and bounds."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from genrun.config.groups import LIST_GROUPS
from genrun.config.limits import ANY_NUMBER, Bound
from genrun.config.overrides import check_not_secret
from genrun.config.schema import Config, Health, Runtime
from genrun.core.errors import ConfigError
from genrun.core.formatting import did_you_mean

CHOICES_OF_KEY: dict[str, tuple[str, ...]] = {
    "runtime.precision": ("fp32", "bf16"),
    "optimizer.adjust_lr_fn": ("match_rms_adamw", "original"),
    "optimizer.line_search_fn": ("strong_wolfe",),
    "optimizer.data_format": ("channels_first", "channels_last"),
    "schedule.mode": ("min",),
    "schedule.threshold_mode": ("rel", "abs"),
    "tracker.wandb.mode": ("offline", "online"),
}
ENVIRONMENT = re.compile(r"\$\{\s*oc\.env\s*:")


def flatten(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yields every scalar with its key; entries of a list have the key of the list."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from flatten(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from flatten(path, inner)
    else:
        yield path, value


def check_value(key: str, value: Any, bound: Bound | None = None) -> None:
    """Raises `ConfigError` if a value is missing, not finite or outside its bounds."""
    check_not_secret(key)
    if value == "???":
        raise ConfigError(f"{key}: must be given, as {key}=VALUE")
    allowed = CHOICES_OF_KEY.get(key)
    if allowed and value not in allowed:
        raise ConfigError(f"{key}={format_value(value)}: must be {' or '.join(allowed)}")
    if not is_number(value):
        if bound is not None and value is not None:
            wanted = "" if bound.text == ANY_NUMBER else f" {bound.text}"
            raise ConfigError(f"{key}={format_value(value)}: must be a number{wanted}")
        return
    if not math.isfinite(value):
        raise ConfigError(f"{key}={value}: must be a finite number")
    if bound is None:
        return
    if bound.whole and not isinstance(value, int):
        raise ConfigError(f"{key}={value}: must be an integer {bound.text}")
    if not bound.allows(value):
        raise ConfigError(f"{key}={value}: must be {bound.text}")


def check_no_environment(config: Any) -> None:
    """Raises `ConfigError` for an environment variable, which may contain a secret."""
    for key, value in flatten("", config):
        if isinstance(value, str) and ENVIRONMENT.search(value):
            raise ConfigError(
                f"{key}={value}: an environment variable would be written to config.yaml; where "
                f'that is no harm, the shell can put it in: {key}="$NAME"'
            )


def format_value(value: Any) -> str:
    """Returns a value as it is written on the command line."""
    words = {"None": "null", "True": "true", "False": "false"}
    return words.get(str(value), str(value))


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


EXAMPLES: dict[str, Any] = {  # of what may be null or must be given, by the last part of the key
    "root": "a folder",
    "path": "a file",
    "images": "a name",
    "labels": "a name",
    "image": "a column",
    "label": "a column",
    "labels_sha256": "a digest",
    "monitor": "a metric",
    "networks": ["generator"],
}


def check(
    config: Mapping[str, Any], reference: Mapping[str, Any], bounds: Mapping[str, Bound]
) -> None:
    """Compares a resolved configuration with the choices' own YAML, `reference`.

    Raises `ConfigError` for an unknown, missing or unset key, a value of another type than the
    YAML's, a number that is not finite or outside the `bounds` of its key.
    """
    check_skeleton(config)
    for group, own in reference.items():
        _mapping(group, _select(config, group))
        _check_keys(group, _select(config, group), own)
    for key, value in flatten("", config):
        check_value(key, value, bounds.get(key))


def check_skeleton(config: Mapping[str, Any]) -> None:
    """Raises `ConfigError` unless the keys are those of the skeleton, with values of its types."""
    fields = Config.__dataclass_fields__
    for key in config:
        if key not in fields:
            check_not_secret(key)
            hint = did_you_mean(key, list(fields))
            raise ConfigError(f"{key}: there is no such key ({', '.join(fields)}){hint}")
    for key in fields:
        if key not in config:
            raise ConfigError(f"{key}: is required and was removed")
    for key, field_ in fields.items():
        if field_.type == "int" or (field_.type == "int | None" and config[key] is not None):
            _check_type(key, config[key], 1)  # Hydra does not check interpolations
    for key in LIST_GROUPS:
        chosen = _mapping(key, config[key])
        if "_target_" in chosen:  # it stands in a file that lacks its first line
            raise ConfigError(
                f"{key}._target_={format_value(chosen['_target_'])}: must be settings, KEY: "
                f"VALUE; the first line of conf/{key}/NAME.yaml must be `# @package {key}.NAME`"
            )
        for name, settings in chosen.items():
            _mapping(f"{key}.{name}", settings)
    for key, settings in _mapping("players", config["players"]).items():
        _mapping(f"players.{key}", settings)
    for key, kind in (("runtime", Runtime), ("health", Health)):
        _check_keys(key, _mapping(key, config[key]), dict.fromkeys(kind.__dataclass_fields__))
    _check_type("plugins", config["plugins"], ["a.module"])


def _mapping(key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key}={format_value(value)}: must be settings, KEY: VALUE")
    return value


def _select(config: Mapping[str, Any], path: str) -> Any:
    value: Any = config
    for part in path.split("."):
        value = value[part]
    return value


def _check_keys(path: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for name in given:
        if name not in known:
            allowed = ", ".join(key for key in known if key != "_target_")
            hint = did_you_mean(name, known)
            raise ConfigError(f"{path}.{name}: there is no such key in {path} ({allowed}){hint}")
    for name, own in known.items():
        if name not in given:
            raise ConfigError(f"{path}.{name}: is required and was removed")
        _check_type(f"{path}.{name}", given[name], own)


def _check_type(key: str, value: Any, own: Any) -> None:
    """Whether a value has the type of the one in the YAML, or of an example where that is null."""
    if own is None or own == "???":
        own = None if value is None else EXAMPLES.get(key.rpartition(".")[2])
    if own is None or value == "???":
        return
    if isinstance(own, bool):
        fits, wanted = isinstance(value, bool), "true or false"
    elif isinstance(own, int):
        fits, wanted = isinstance(value, int) and not isinstance(value, bool), "an integer"
    elif isinstance(own, float):
        fits, wanted = is_number(value), "a number"
    elif isinstance(own, list):
        fits, wanted = isinstance(value, list), f"a list such as {own}"
    else:
        fits, wanted = isinstance(value, str), "text"
    if not fits:
        raise ConfigError(f"{key}={format_value(value)}: must be {wanted}")
    if isinstance(own, list) and own:
        same_length = len(value) == len(own)
        for index, entry in enumerate(value):
            _check_type(key, entry, own[index if same_length else -1])
