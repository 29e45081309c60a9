"""Parses the arguments of a verb: folders and KEY=VALUE settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from genrun.config.overrides import check_not_repeated
from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.core.formatting import did_you_mean


def is_existing_path(word: str) -> bool:
    """Whether a word is a path although it contains `=`, as the folders of sweeps do."""
    try:
        return Path(word).exists()
    except OSError:  # too long for a file name, or no permission
        return False


def parse_run_and_settings(usage: str, words: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Returns the folder and the KEY=VALUE settings.

    Raises `ConfigError` if there is not exactly one folder, `CheckpointUnusable` if it is a file.
    """
    verb = usage.split()[1]
    folders = [word for word in words if "=" not in word or is_existing_path(word)]
    if len(folders) != 1:
        raise ConfigError(f"{verb} takes the folder of one run: {usage.splitlines()[0]}")
    path = Path(folders[0])
    if path.is_file():
        pickled = (
            "; genrun reads no pickle files" if path.suffix in (".pt", ".pth", ".ckpt") else ""
        )
        raise CheckpointUnusable(f"{path}: {verb} takes a run's folder, not a file{pickled}")
    check_not_repeated(words)
    settings = dict(word.split("=", 1) for word in words if word not in folders)
    return folders[0], settings


def parse_folders_and_settings(
    usage: str, words: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """Returns the folders and the KEY=VALUE settings. Raises `ConfigError` without a folder."""
    verb = usage.split()[1]
    folders = [word for word in words if "=" not in word or is_existing_path(word)]
    if not folders:
        raise ConfigError(f"{verb} takes folders of runs: {usage.splitlines()[0]}")
    check_not_repeated([word for word in words if word not in folders])
    return folders, dict(word.split("=", 1) for word in words if word not in folders)


def merge_settings(
    verb: str, settings: Mapping[str, str], defaults: Mapping[str, str]
) -> dict[str, str]:
    """Returns the settings over their defaults. Raises `ConfigError` for an unknown one."""
    for key in settings:
        if key not in defaults:
            takes = f"takes {', '.join(defaults)}" if defaults else "takes no settings"
            raise ConfigError(f"{key}: {verb} {takes}{did_you_mean(key, defaults)}")
    return {**defaults, **settings}


def parse_names(text: str) -> list[str]:
    """Returns the names in `[a,b]`, `a,b` or `a`."""
    return [name.strip() for name in text.strip("[]").split(",") if name.strip()]


def parse_integer(name: str, text: str, least: int) -> int:
    """Returns a setting's integer. Raises `ConfigError` if it is not one, or too small."""
    if re.fullmatch(r"-?[0-9]{1,18}", text) is None or int(text) < least:
        raise ConfigError(f"{name}={text}: must be an integer of at least {least}")
    return int(text)
