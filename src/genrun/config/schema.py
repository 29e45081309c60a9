"""The typed skeleton, and the checks that need the whole configuration."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from genrun.config.groups import LIST_GROUPS
from genrun.config.overrides import refuse_secret
from genrun.config.validation import check_value, is_number, leaves, shown
from genrun.core.errors import ConfigError


@dataclass
class Runtime:
    """Typed, because no `_target_` says what these are."""

    device: str = MISSING
    precision: str = MISSING
    threads: int | None = MISSING
    compile: bool = MISSING
    sync_batch_norm: bool = MISSING


@dataclass
class Health:
    """Thresholds of what a run is watched for."""

    overpowering_accuracy: float = MISSING
    overpowering_steps: int = MISSING
    mode_collapse_spread: float = MISSING
    mode_collapse_evaluations: int = MISSING
    posterior_collapse_kl: float = MISSING
    posterior_collapse_epochs: int = MISSING
    explosion_factor: float = MISSING
    explosion_rows: int = MISSING
    explosion_history: int = MISSING


@dataclass
class Config:
    """What config.yaml must hold; the defaults are there."""

    data: Any = MISSING
    model: Any = MISSING
    backbone: Any = MISSING
    optimizer: Any = MISSING
    schedule: Any = MISSING
    updates: Any = MISSING
    features: Any = MISSING
    regularization: dict[str, Any] = field(default_factory=dict)
    stopping: dict[str, Any] = field(default_factory=dict)
    metric: dict[str, Any] = field(default_factory=dict)
    tracker: dict[str, Any] = field(default_factory=dict)
    runtime: Runtime = field(default_factory=Runtime)
    steps: int = MISSING
    epochs: int | None = MISSING
    monitor: str | None = MISSING
    seed: int = MISSING
    log_every: int = MISSING
    evaluate_every: int = MISSING
    save_every: int = MISSING
    sample_every: int = MISSING
    players: dict[str, Any] = field(default_factory=dict)
    plugins: list[str] = MISSING
    health: Health = field(default_factory=Health)


def register() -> None:
    """Makes the schema known to Hydra; in no group, it does not show among the choices."""
    ConfigStore.instance().store(name="schema", node=Config)


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
    "value": 0.1,
    "adamw_lr": 0.1,
    "shampoo_beta": 0.9,
    "beta3": 0.9,
    "t_alpha_beta3": 10000.0,
    "max_eval": 25,
}


def did_you_mean(word: str, known: Mapping[str, Any] | list[str]) -> str:
    """`; did you mean x?`, or nothing where nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def check(config: Mapping[str, Any], reference: Mapping[str, Any]) -> None:
    """Compares a resolved configuration with the choices' own YAML, `reference`.

    Raises `ConfigError` for an unknown, missing or unset key, a value of another type than the
    YAML's, a number that is not finite or outside its limits.
    """
    check_skeleton(config)
    for group, own in reference.items():
        _mapping(group, _select(config, group))
        _check_keys(group, _select(config, group), own)
    for key, value in leaves("", config):
        check_value(key, value)


def check_skeleton(config: Mapping[str, Any]) -> None:
    """Whether the keys are those of the skeleton, each with a value of its type."""
    fields = Config.__dataclass_fields__
    for key in config:
        if key not in fields:
            refuse_secret(key)
            hint = did_you_mean(key, list(fields))
            raise ConfigError(f"{key}: there is no such key ({', '.join(fields)}){hint}")
    for key in fields:
        if key not in config:
            raise ConfigError(f"{key}: is required and was removed")
    for key, field_ in fields.items():
        if field_.type == "int" or (field_.type == "int | None" and config[key] is not None):
            _check_type(key, config[key], 1)  # an interpolation is not held to the schema
    for key in LIST_GROUPS:
        for name, settings in _mapping(key, config[key]).items():
            _mapping(f"{key}.{name}", settings)
    for key, settings in _mapping("players", config["players"]).items():
        _mapping(f"players.{key}", settings)
    for key, kind in (("runtime", Runtime), ("health", Health)):
        _check_keys(key, _mapping(key, config[key]), dict.fromkeys(kind.__dataclass_fields__))
    _check_type("plugins", config["plugins"], ["a.module"])


def _mapping(key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key}={shown(value)}: must be settings, KEY: VALUE")
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
        raise ConfigError(f"{key}={shown(value)}: must be {wanted}")
    if isinstance(own, list) and own:
        same_length = len(value) == len(own)
        for index, entry in enumerate(value):
            _check_type(key, entry, own[index if same_length else -1])
