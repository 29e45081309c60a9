"""The config groups, and where their YAML files lie."""

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
LENGTH_KEYS = ("T_max", "total_iters")  # null means: as many steps as are left after warm-up


def find_unset_length(schedule: Mapping[str, Any]) -> str | None:
    """Returns the key whose null makes a schedule last to the end of the run, or None."""
    return next((key for key in LENGTH_KEYS if schedule.get(key, 0) is None), None)


def conf_folder() -> Path:
    """Returns the folder of YAML files: within an installed package, or next to `src`."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "conf"
    return packaged if packaged.is_dir() else package.parents[1] / "conf"
