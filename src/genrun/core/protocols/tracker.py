"""The contract of `conf/tracker`: services that a run is reported to in addition to its folder.

Imports no torch.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from genrun.core.errors import ConfigError
from genrun.core.status import RunStatus

Scalar = str | int | float | bool
ONLINE = "online"  # the value of a tracker's `mode` with which it sends data to a server


@dataclass(frozen=True)
class TrackedRun:
    """The start of a run, or of a resumed part of one."""

    name: str
    folder: Path  # of the tracker, in the run's folder; it writes nowhere else
    hyperparameters: Mapping[str, Scalar]  # every value of the configuration, by its key
    first_step: int  # rows and pictures of this step and later ones follow


@dataclass(frozen=True)
class TrackedEnd:
    """The end of a run; `best` is the step and the value of the lowest `monitor`."""

    status: RunStatus
    reason: str
    step: int
    monitor: str
    best: tuple[int, float] | None

    @property
    def succeeded(self) -> bool:
        return self.status.succeeded


class Tracker(Protocol):
    """Reports a run to a tracking service or to files of its format.

    Its methods are called on rank 0, and their time counts as saving. If one raises anything, the
    run continues without the tracker. The constructor checks that the package is installed
    (`require_package`); `start` imports it. `components/tracker/tensorboard.py` is an example.
    """

    folder: str  # name of the tracker's folder in the run's folder
    appends: bool
    """Whether resumed parts continue in the same folder. If not, each gets a new one (`wandb`,
    `wandb-2`), and no file that was there before is opened."""

    def start(self, run: TrackedRun) -> None:
        """Called before the first row."""

    def log_row(self, step: int, values: Mapping[str, float]) -> None:
        """Called for each row of the log; a resumed run may repeat steps."""

    def log_health(self, event: Mapping[str, Any]) -> None:
        """Called for each health event, with its `step`, `health` (a name), `state`, `detail`."""

    def log_pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:
        """Called with PNG files by name."""

    def finish(self, end: TrackedEnd) -> None:
        """Called after the last row, also if the run failed."""


def require_package(package: str) -> None:
    """Raises `ConfigError` if the package of the tracker of this name is not installed."""
    if importlib.util.find_spec(package) is None:
        raise ConfigError(f"tracker={package}: needs pip install 'genrun[{package}]'")


@contextmanager
def environment_variables(**values: str | None) -> Iterator[None]:
    """Context in which environment variables have these values; None: they are not set."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
