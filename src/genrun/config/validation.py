"""What each value may be, whatever group it is in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from genrun.config.limits import LIMITS
from genrun.config.overrides import refuse_secret
from genrun.core.errors import ConfigError

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


def leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every scalar by its key; the entries of a list under the list's key."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(path, inner)
    else:
        yield path, value


def check_value(key: str, value: Any) -> None:
    refuse_secret(key)
    if value == "???":
        raise ConfigError(f"{key}: must be given, as {key}=VALUE")
    allowed = CHOICES_OF_KEY.get(key)
    if allowed and value not in allowed:
        raise ConfigError(f"{key}={shown(value)}: must be {' or '.join(allowed)}")
    limit = LIMITS.get(key.rsplit(".", 1)[-1])
    if not is_number(value):
        if limit is not None and value is not None:
            raise ConfigError(f"{key}={shown(value)}: must be a number {limit.text}")
        return
    if not math.isfinite(value):
        raise ConfigError(f"{key}={value}: must be a finite number")
    if limit is None:
        return
    if limit.whole and not isinstance(value, int):
        raise ConfigError(f"{key}={value}: must be an integer {limit.text}")
    if not limit.allows(value):
        raise ConfigError(f"{key}={value}: must be {limit.text}")


def refuse_environment(config: Any) -> None:
    """config.yaml holds values, not where they came from, and a variable may hold a secret."""
    for key, value in leaves("", config):
        if isinstance(value, str) and ENVIRONMENT.search(value):
            raise ConfigError(
                f"{key}={value}: an environment variable would be written to config.yaml; where "
                f'that is no harm, the shell can put it in: {key}="$NAME"'
            )


def shown(value: Any) -> str:
    """A value as it is written on the command line."""
    words = {"None": "null", "True": "true", "False": "false"}
    return words.get(str(value), str(value))


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
