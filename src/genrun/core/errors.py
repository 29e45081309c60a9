"""Errors that a user can act on. Each carries the exit code of the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genrun.core.status import RunStatus

# MERGED: Whether the user asked for whole traces, Hydra's own way.
FULL_ERRORS = "HYDRA_FULL_ERROR"
_WANTED = os.environ.get(FULL_ERRORS) == "1"  # as it began: `hydra_call` sets it for its own ends


def full_errors_requested() -> bool:
    return _WANTED


STATUS_EXIT_CODES: dict[str, int] = {
    RunStatus.INTERRUPTED: 75,
    RunStatus.DIVERGED: 4,
}  # how a run can end but for 0


class GenrunError(Exception):
    """One line that says what is wrong and what is allowed; `exit_code` is the process's."""

    exit_code = 70


class ConfigError(GenrunError):
    """The configuration or the command line is wrong."""

    exit_code = 2


class SweepFailed(GenrunError):
    """At least one job of a sweep failed."""

    exit_code = 3


class SweepPaused(GenrunError):
    """A sweep ended before all its jobs had, and can be gone on with."""

    exit_code = 75


class Diverged(GenrunError):
    """A loss or a weight is no longer finite."""

    exit_code = 4


class DataDamaged(GenrunError):
    """A data file is there but cannot be what it should be."""

    exit_code = 65


class InputMissing(GenrunError):
    """A file or folder that was named does not exist."""

    exit_code = 66


class DeviceUnavailable(GenrunError):
    """The device that was asked for is not there."""

    exit_code = 69


class OutOfMemory(GenrunError):
    """The model and its batch do not fit."""

    exit_code = 71


class CannotCreate(GenrunError):
    """A folder or file of the run cannot be created."""

    exit_code = 73


class FolderLocked(CannotCreate):
    """Another process writes in the folder."""


class OutputFailed(GenrunError):
    """Writing a run's file failed: disk full, quota, I/O error."""

    exit_code = 74


class ProcessLost(GenrunError):
    """Another process of this run ended or cannot be reached."""

    exit_code = 74


class CheckpointUnusable(GenrunError):
    """A checkpoint is damaged, or belongs to another experiment."""

    exit_code = 76


class CheckpointUnreadable(CheckpointUnusable):
    """A checkpoint that may well be sound: of a newer genrun, or not allowed to be read.

    It is not passed over for an older one.
    """


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """What the system refuses, disk full among it, as `OutputFailed`."""
    try:
        yield
    except OSError as error:
        raise OutputFailed(f"{path}: cannot be written ({error.strerror or error})") from error
