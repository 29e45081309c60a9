"""Handing a checked command line over to Hydra."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra

from genrun.config.groups import conf_folder
from genrun.config.overrides import hydra_overrides
from genrun.config.schema import register
from genrun.core.errors import FULL_ERRORS, output_errors


def quote_path(path: Path) -> str:
    """A path as a quoted value of Hydra's grammar."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"


def flags_of(config_dir: str | None) -> list[str]:
    return [] if config_dir is None else ["--config-dir", config_dir]


def run_under_hydra(flags: list[str], words: Sequence[str], task: Any, folder: Path) -> None:
    """Calls `task` with Hydra around it, whose own files go below `folder`.

    Raises `OutputFailed` where these cannot be written: left to itself, Hydra would print a trace
    and exit with 1.
    """
    before = os.environ.get(FULL_ERRORS)
    os.environ[FULL_ERRORS] = "1"  # it raises what it would print
    try:
        with output_errors(folder):
            call_hydra(flags, words, task)
    finally:
        os.environ.pop(FULL_ERRORS)
        if before is not None:
            os.environ[FULL_ERRORS] = before


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
