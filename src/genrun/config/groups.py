"""The config groups, the folder of their YAML files, and a schedule's length."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SINGLE_GROUPS = (
    "data",
    "model",
    "backbone",
    "optimizer",
    "schedule",
    "updates",
    "features",
    "runtime",
)
LIST_GROUPS = ("regularization", "stopping", "metric", "tracker")
GROUPS = (*SINGLE_GROUPS, *LIST_GROUPS)
LENGTH_KEYS = ("T_max", "total_iters")  # of schedules; null: all steps after the warm-up


def conf_folder() -> Path:
    """Returns the folder of the YAML files: in the package if installed, else `conf`."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "conf"
    return packaged if packaged.is_dir() else package.parents[1] / "conf"


def find_unset_length(schedule: Mapping[str, Any]) -> str | None:
    """Returns the key of a schedule whose length follows from the run's steps, if there is one."""
    return next((key for key in LENGTH_KEYS if schedule.get(key, 0) is None), None)
