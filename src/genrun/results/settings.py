"""A run's configuration as flat settings, without those that have no effect on training."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from genrun.config.groups import GROUPS
from genrun.core.errors import CheckpointUnusable

LARGEST = 1 << 20  # bytes of a config.yaml
MOST = 10_000  # settings of one; YAML's aliases can write out a short file to any length
WITHOUT_EFFECT = (  # on what is learned, beyond rounding; or of one run alone
    "seed", "plugins", "tracker", "health", "log_every", "save_every", "sample_every", "epochs",
    "runtime.device", "runtime.threads", "runtime.compile",
    "stopping.pruner.study", "stopping.pruner.trial",
)  # fmt: skip
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast


def read_settings(path: Path) -> dict[str, Any]:
    """Returns a saved configuration of plain types. Raises `CheckpointUnusable` if damaged."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode) or path.stat().st_size > LARGEST:
            raise ValueError("is no regular file, or too large")
        loader = LOADER(path.read_bytes())
        try:
            content = loader.get_single_data()
        finally:
            loader.dispose()
        if not isinstance(content, dict):
            raise ValueError("holds no settings")
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        text = str(error).splitlines()[0]
        raise CheckpointUnusable(f"{path}: cannot be read ({text})") from error
    return content


def flat_settings(
    config: Mapping[str, Any], choices: Mapping[str, str], steps: int | None
) -> dict[str, str]:
    """Returns settings as text by key: the choice of each group, then the settings within it.

    What has no effect on what is learned is left out. `steps` are those that the run plans, also
    where they were given as epochs. Raises `ValueError` if there are too many.
    """
    found: dict[str, str] = {}
    for group in GROUPS:
        if group in choices:
            found[group] = choices[group] or "none"
    _flatten("", config, found)
    if steps is not None:
        found["steps"] = str(steps)
    return {key: text for key, text in found.items() if not _without_effect(key)}


def _flatten(path: str, value: Any, found: dict[str, str]) -> None:
    if len(found) > MOST:
        raise ValueError(f"has more than {MOST} settings")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _flatten(f"{path}.{name}" if path else str(name), inner, found)
    elif isinstance(value, list):
        found[path] = "[" + ",".join(_text(entry) for entry in value[:MOST]) + "]"
    else:
        found[path] = _text(value)


def _text(value: Any) -> str:
    """Returns a value as typed on a command line; nested values are cut, see `MOST`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{type(value).__name__}(…)" if isinstance(value, dict | list) else str(value)


def _without_effect(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in WITHOUT_EFFECT)
