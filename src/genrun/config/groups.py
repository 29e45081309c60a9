"""The config groups, and where their YAML files lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

# MERGED: Which settings of a schedule reach to the run's end where they are null.
LENGTH_KEYS = ("T_max", "total_iters")  # null means: as many steps as are left after warm-up


def find_unset_length(schedule: Mapping[str, Any]) -> str | None:
    """The key by which a schedule is laid out to the run's end; None where it is not."""
    return next((key for key in LENGTH_KEYS if schedule.get(key, 0) is None), None)


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
EARLIER: dict[str, Any] = {  # what runs and sweeps of versions did that say nothing of it
    "updates": {"_target_": "genrun.components.updates.alternating.Alternating"},
    "features": {"_target_": "genrun.components.features.pixels.Pixels"},
    "monitor": None,
    "tracker": {},
}
GROUPS = (*SINGLE_GROUPS, *LIST_GROUPS)


def conf_folder() -> Path:
    """The YAML files: inside the package where it was installed as a wheel, else beside `src`."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "conf"
    return packaged if packaged.is_dir() else package.parents[1] / "conf"
