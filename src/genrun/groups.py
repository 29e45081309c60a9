"""The config groups, and where their YAML files lie."""

from __future__ import annotations

from pathlib import Path

SINGLE_GROUPS = ("data", "model", "backbone", "optimizer", "schedule", "features", "runtime")
LIST_GROUPS = ("regularization", "stopping", "metric")
GROUPS = (*SINGLE_GROUPS, *LIST_GROUPS)


def conf_folder() -> Path:
    """The YAML files: inside the package where it was installed as a wheel, else beside `src`."""
    packaged = Path(__file__).parent / "conf"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "conf"
