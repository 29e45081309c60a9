"""The config groups, and where their YAML files lie."""

from __future__ import annotations

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
EARLIER: dict[str, Any] = {  # what runs and sweeps of versions did that say nothing of it
    "updates": {"_target_": "genrun.updates.alternating.Alternating"},
    "features": {"_target_": "genrun.features.pixels.Pixels"},
    "monitor": None,
    "tracker": {},
}
GROUPS = (*SINGLE_GROUPS, *LIST_GROUPS)


def conf_folder() -> Path:
    """The YAML files: inside the package where it was installed as a wheel, else beside `src`."""
    packaged = Path(__file__).parent / "conf"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "conf"
