"""Handing a checked command line over to Hydra."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra

from genrun.compose import hydra_overrides
from genrun.config import register
from genrun.groups import conf_folder


def quoted(path: Path) -> str:
    """A path as a quoted value of Hydra's grammar."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"


def flags_of(config_dir: str | None) -> list[str]:
    return [] if config_dir is None else ["--config-dir", config_dir]


def call_hydra(flags: list[str], words: Sequence[str], task: Any) -> None:
    """Hands over to Hydra, with the flags first: 1.3 does not take them between overrides."""
    register()
    base = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}
    before = sys.argv
    sys.argv = [before[0], *flags, *hydra_overrides(words)]
    try:
        hydra.main(config_path=str(conf_folder()), config_name="config", **base)(task)()
    finally:
        sys.argv = before
