"""How a run of a search is told which of its trials it is."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genrun.core.errors import ConfigError
from genrun.runs import layout
from genrun.sweeps.plan import read_plan

ASKS = {"study", "trial"}  # the settings of a stopping policy that asks the study


def asks_study(config: Mapping[str, Any]) -> bool:
    """Whether one of the stopping policies asks the study of a search."""
    return any(settings.keys() >= ASKS for settings in config["stopping"].values())


def check_no_pruner(config: Mapping[str, Any]) -> None:
    """Raises `ConfigError` if a policy needs the study of a search."""
    if asks_study(config):
        raise ConfigError(
            "stopping: the pruner works only in a search, which has other trials to compare with: "
            "genrun -m hydra/sweeper=tpe …"
        )


def joined(config: Mapping[str, Any], study: str, trial: int | None) -> dict[str, Any]:
    """The configuration with its pruner told where to ask; without it where `trial` is None."""
    changed = copy.deepcopy(dict(config))
    for name, settings in config["stopping"].items():
        if settings.keys() >= ASKS and trial is None:
            del changed["stopping"][name]
        elif settings.keys() >= ASKS:
            changed["stopping"][name] |= {"study": study, "trial": trial}
    return changed


def joined_to_search(config: Mapping[str, Any], sweep: Path, name: str) -> dict[str, Any]:
    """A job's configuration as its run needs it. Of a trial's runs only the first asks."""
    plan = read_plan(sweep) if asks_study(config) else None
    if plan is None or plan.search is None:
        return dict(config)
    made: dict[str, list[str]] = plan.search["made"]
    trials = [int(number) for number, names in made.items() if names[:1] == [name]]
    return joined(config, os.path.relpath(sweep / layout.JOURNAL), min(trials, default=None))
