"""What a configuration may set of Hydra itself: where runs lie, and a sweep's values.

Hydra instantiates its launcher, its sweeper, its callbacks and its log handlers from the same
configuration, past genrun's allowlist; and its folders could lead anywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from genrun.core.errors import ConfigError

PLUGINS = "hydra._internal.core_plugins"
NO_LOGGING = {"version": 1, "root": None, "disable_existing_loggers": False}
FIXED: dict[str, Any] = {
    "launcher": {"_target_": f"{PLUGINS}.basic_launcher.BasicLauncher"},
    "sweeper._target_": f"{PLUGINS}.basic_sweeper.BasicSweeper",
    "sweeper.max_batch_size": None,
    "callbacks": {},
    "job_logging": NO_LOGGING,
    "hydra_logging": NO_LOGGING,
    "mode": None,
    "searchpath": [],
    "job.chdir": None,
    "job.env_set": {},
    "output_subdir": ".hydra",  # any other could lie over the run's own files
    "sweep.subdir": "${hydra:job.num}",  # any other could be the same for two jobs
}


def check_hydra(settings: DictConfig) -> None:
    """Raises `ConfigError` for a setting of Hydra that genrun keeps to itself."""
    content = OmegaConf.to_container(settings, resolve=False)
    for key, expected in FIXED.items():
        node: Any = content
        for part in key.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        if node != expected:
            raise ConfigError(
                f"hydra.{key}: genrun does not let it be set; of Hydra's own settings "
                "hydra.run.dir, hydra.sweep.dir and hydra.sweeper.params are yours"
            )


def folder_below(key: str, text: str) -> Path:
    """A folder for runs. Raises `ConfigError` where it is not below the working directory."""
    path, here = Path(text), Path.cwd()
    inside = (here / path).is_relative_to(here) and here / path != here
    if not inside or ".." in path.parts or "\0" in text:
        raise ConfigError(
            f"{key}={text}: must lie below the folder in which the command is given, without .. "
            "(give it there, or make `outputs` a link)"
        )
    return path
