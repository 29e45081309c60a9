"""Hydra's own command line, which only shows configurations here, and its output files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from genrun.config.groups import conf_folder
from genrun.config.overrides import hydra_overrides
from genrun.config.schema import register


def quote_path(path: Path) -> str:
    """Returns a path as a quoted value of Hydra's grammar."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"


def output_files(composed: DictConfig, folder: Path) -> dict[str, str]:
    """Returns the files that Hydra's own runner would write below `folder`, by name.

    `composed` is the composition with its `hydra` settings, in which the folder is recorded. From
    now on `HydraConfig` and `${hydra:…}` have these settings too.
    """
    with read_write(composed.hydra), read_write(composed.hydra.runtime), open_dict(composed):
        composed.hydra.runtime.output_dir = str(folder)
        composed.hydra.run.dir = str(folder)
        composed.hydra.mode = RunMode.RUN
    HydraConfig.instance().set_config(composed)
    keys = [str(key) for key in composed if key != "hydra"]
    return {
        "config.yaml": OmegaConf.to_yaml(OmegaConf.masked_copy(composed, keys)),
        "hydra.yaml": OmegaConf.to_yaml(OmegaConf.masked_copy(composed, ["hydra"])),
        "overrides.yaml": OmegaConf.to_yaml(composed.hydra.overrides.task),
    }


def call_hydra(flags: list[str], words: Sequence[str], task: Any) -> None:
    """Runs Hydra's command line with the flags first, as Hydra 1.3 requires."""
    register()
    base = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}
    before = sys.argv
    sys.argv = [before[0], *flags, *hydra_overrides(words)]
    try:
        hydra.main(config_path=str(conf_folder()), config_name="config", **base)(task)()
    finally:
        sys.argv = before
