"""What a configuration may set of Hydra itself: where runs lie, and a sweep's values.

Hydra instantiates its launcher, its sweeper, its callbacks and its log handlers from the same
configuration, past genrun's allowlist; and its folders could lead anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from genrun.config.hydra_internals import CORE_PLUGINS
from genrun.config.limits import parse_bound
from genrun.config.validation import check_value, flatten
from genrun.core.errors import ConfigError

NO_LOGGING = {"version": 1, "root": None, "disable_existing_loggers": False}
OURS = "hydra_plugins.genrun_plugins"
ALLOWED = {
    "launcher": (
        f"{OURS}.ProcessLauncher",
        f"{CORE_PLUGINS}.basic_launcher.BasicLauncher",
        "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
        "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
        "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
        "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher",
    ),
    "sweeper": (
        f"{OURS}.SearchSweeper",
        f"{CORE_PLUGINS}.basic_sweeper.BasicSweeper",
    ),
}
SUBMITIT_FOLDER = "${hydra.sweep.dir}/.submitit/%j"  # pickles, which nobody else should write
BOUNDS = {  # of the settings of launchers that are not genrun's, which have no file in conf/
    **dict.fromkeys(
        ("cpus_per_task", "timeout_min", "nodes", "tasks_per_node", "array_parallelism"),
        parse_bound("int [1, inf)"),
    ),
    **dict.fromkeys(
        ("max_num_timeout", "signal_delay_s", "gpus_per_node"), parse_bound("int [0, inf)")
    ),
    "n_jobs": parse_bound("int (-inf, inf)"),
}
FIXED: dict[str, Any] = {
    "callbacks": {},
    "job_logging": NO_LOGGING,
    "hydra_logging": NO_LOGGING,
    "mode": None,
    "searchpath": [],
    "job.chdir": None,
    "job.env_set": {},
    "output_subdir": ".hydra",  # any other could lie over the run's own files
    "sweep.subdir": "${hydra:job.num}",  # a job's folder is named by what differs
}


def check_hydra(settings: DictConfig) -> None:
    """Raises `ConfigError` for a setting of Hydra that users may not change."""
    content = OmegaConf.to_container(settings, resolve=False)
    assert isinstance(content, dict)
    for kind, allowed in ALLOWED.items():
        _check_plugin(kind, content[kind], allowed)
    for key, expected in FIXED.items():
        node: Any = content
        for part in key.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        if node != expected:
            raise ConfigError(
                f"hydra.{key}: genrun does not let it be set; of Hydra's own settings "
                "hydra.run.dir, hydra.sweep.dir, hydra/launcher, hydra/sweeper and what these two "
                "hold are yours"
            )


def _check_plugin(kind: str, settings: Any, allowed: Sequence[str]) -> None:
    """Hydra makes a launcher or a sweeper of it: one of those that are known, and nothing else."""
    target = settings.get("_target_") if isinstance(settings, dict) else None
    if target not in allowed:
        names = ", ".join(name.rpartition(".")[2] for name in allowed)
        raise ConfigError(f"hydra.{kind}._target_={target}: must be one of {names}")
    own = {key: value for key, value in settings.items() if key != "_target_"}
    for key, value in flatten(f"hydra.{kind}", own):
        name = key.rpartition(".")[2]
        if any(part.startswith("_") and part.endswith("_") for part in key.split(".")):
            raise ConfigError(f"{key}: genrun does not let it be set")
        if name == "submitit_folder" and value != SUBMITIT_FOLDER:
            raise ConfigError(f"{key}: genrun does not let it be set")
        if kind == "launcher" and name in BOUNDS:
            check_value(key, value, BOUNDS[name])
        if kind == "launcher" and name == "n_jobs" and value == 0:
            raise ConfigError(f"{key}=0: must be a number of jobs, or -1 for one a core")


def folder_below(key: str, text: str) -> Path:
    """A folder for runs. Raises `ConfigError` if it is not below the working directory."""
    path, here = Path(text), Path.cwd()
    inside = (here / path).is_relative_to(here) and here / path != here
    if not inside or ".." in path.parts or "\0" in text:
        raise ConfigError(
            f"{key}={text}: must lie below the folder in which the command is given, without .. "
            "(give it there, or make `outputs` a link)"
        )
    return path
