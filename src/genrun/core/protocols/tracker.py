"""What follows a run beside its folder: TensorBoard and others. Without torch."""

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
ONLINE = "online"  # a tracker's `mode` in which it reaches a server


@dataclass(frozen=True)
class TrackedRun:
    """A run, or a resumed part of one, that begins."""

    name: str
    folder: Path  # the tracker's own, below the run's; it writes nowhere else
    hyperparameters: Mapping[str, Scalar]  # every value of the configuration, by its key
    first_step: int  # rows and pictures of this step and later ones come


@dataclass(frozen=True)
class TrackedEnd:
    """How a run ended. `best` is the lowest value of the metric `monitor`, by its step."""

    status: RunStatus
    reason: str
    step: int
    monitor: str
    best: tuple[int, float] | None

    @property
    def succeeded(self) -> bool:
        return self.status.succeeded


class Tracker(Protocol):
    """Whatever any method raises switches the tracker off and goes no further.

    Packages are imported in `start`: the constructor says which one is missing (`require_package`).
    `folder` is where it writes below a run's folder. Where it `appends`, all parts of a run share
    that; else each part has a new one (`wandb`, `wandb-2`), so that nothing of what a stranger
    left there is opened.
    """

    folder: str
    appends: bool

    def start(self, run: TrackedRun) -> None: ...

    def log_row(self, step: int, values: Mapping[str, float]) -> None: ...

    def log_health(self, event: Mapping[str, Any]) -> None:
        """An event's `step`, `health` (its name), `state`, `detail`."""

    def log_pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:
        """PNG files by name."""

    def finish(self, end: TrackedEnd) -> None: ...


def require_package(package: str) -> None:
    """Raises `ConfigError` where the package that a tracker of this name uses is missing."""
    if importlib.util.find_spec(package) is None:
        raise ConfigError(f"tracker={package}: needs pip install 'genrun[{package}]'")


@contextmanager
def environment_variables(**values: str | None) -> Iterator[None]:
    """While open, the variables have these values; None: they are not set."""
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
