"""Sets the study and the trial that the pruner of a search's run reports to."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genrun.core.errors import ConfigError
from genrun.runs import layout
from genrun.sweeps.plan import read_plan

STUDY_KEYS = {"study", "trial"}  # settings of a stopping policy that needs a study


def needs_study(config: Mapping[str, Any]) -> bool:
    """Whether one of the stopping policies needs the study of a search."""
    return any(settings.keys() >= STUDY_KEYS for settings in config["stopping"].values())


def check_no_pruner(config: Mapping[str, Any]) -> None:
    """Raises `ConfigError` if a policy needs the study of a search."""
    if needs_study(config):
        raise ConfigError(
            "stopping: the pruner works only in a search, which has other trials to compare with: "
            "genrun -m hydra/sweeper=tpe …"
        )


def attach_study(config: Mapping[str, Any], study: str, trial: int | None) -> dict[str, Any]:
    """Returns the configuration with its pruner's study and trial set.

    If `trial` is None, it has no pruner.
    """
    changed = copy.deepcopy(dict(config))
    for name, settings in config["stopping"].items():
        if settings.keys() >= STUDY_KEYS and trial is None:
            del changed["stopping"][name]
        elif settings.keys() >= STUDY_KEYS:
            changed["stopping"][name] |= {"study": study, "trial": trial}
    return changed


def attach_search_study(config: Mapping[str, Any], sweep: Path, name: str) -> dict[str, Any]:
    """Returns the configuration of a search's run; only the first run of a trial has a pruner."""
    plan = read_plan(sweep) if needs_study(config) else None
    if plan is None or plan.search is None:
        return dict(config)
    made: dict[str, list[str]] = plan.search["made"]
    trials = [int(number) for number, names in made.items() if names[:1] == [name]]
    return attach_study(config, os.path.relpath(sweep / layout.JOURNAL), min(trials, default=None))
