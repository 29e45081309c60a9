"""The typed skeleton, and the checks that need the whole configuration."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from genrun.core.errors import ConfigError
from genrun.limits import LIMITS


@dataclass
class Runtime:
    """Typed, because no `_target_` says what these are."""

    device: str = MISSING
    precision: str = MISSING
    threads: int | None = MISSING
    compile: bool = MISSING


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
    regularization: dict[str, Any] = field(default_factory=dict)
    stopping: dict[str, Any] = field(default_factory=dict)
    metric: dict[str, Any] = field(default_factory=dict)
    runtime: Runtime = field(default_factory=Runtime)
    steps: int = MISSING
    epochs: int | None = MISSING
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


CHOICES_OF_KEY: dict[str, tuple[str, ...]] = {
    "runtime.precision": ("fp32", "bf16"),
    "schedule.mode": ("min",),
    "schedule.threshold_mode": ("rel", "abs"),
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
    unknown = [key for key in config if key not in Config.__dataclass_fields__]
    if unknown:
        hint = did_you_mean(unknown[0], list(Config.__dataclass_fields__))
        raise ConfigError(f"{unknown[0]}: there is no such key{hint}")
    for group, own in reference.items():
        _check_keys(group, _select(config, group), own)
    for key, value in _leaves("", config):
        _check_value(key, value)


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
    """Whether a value has the type of the one in the YAML; None and ??? there allow any."""
    if own is None or own == "???" or value == "???":
        return
    if isinstance(own, bool):
        fits, wanted = isinstance(value, bool), "true or false"
    elif isinstance(own, int):
        fits, wanted = isinstance(value, int) and not isinstance(value, bool), "an integer"
    elif isinstance(own, float):
        fits, wanted = _is_number(value), "a number"
    elif isinstance(own, list):
        fits, wanted = isinstance(value, list), f"a list such as {own}"
    else:
        fits, wanted = isinstance(value, str), "text"
    if not fits:
        raise ConfigError(f"{key}={value}: must be {wanted}")
    if isinstance(own, list) and own:
        same_length = len(value) == len(own)
        for index, entry in enumerate(value):
            _check_type(key, entry, own[index if same_length else -1])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every scalar by its key; the entries of a list under the list's key."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(path, inner)
    else:
        yield path, value


def _check_value(key: str, value: Any) -> None:
    if value == "???":
        raise ConfigError(f"{key}: must be given, as {key}=VALUE")
    allowed = CHOICES_OF_KEY.get(key)
    if allowed and value not in allowed:
        raise ConfigError(f"{key}={value}: must be {' or '.join(allowed)}")
    if not _is_number(value):
        return
    if not math.isfinite(value):
        raise ConfigError(f"{key}={value}: must be a finite number")
    limit = LIMITS.get(key.rsplit(".", 1)[-1])
    if limit is not None and not limit.allows(value):
        raise ConfigError(f"{key}={value}: must be {limit.text}")
