"""Errors that a user can act on, and the exit codes of the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genrun.core.status import RunStatus

FULL_ERRORS = "HYDRA_FULL_ERROR"  # "1" in this environment variable of Hydra's: full tracebacks
_FULL_ERRORS = os.environ.get(FULL_ERRORS) == "1"  # read once: `hydra_main` changes it for a while

STATUS_EXIT_CODES: dict[str, int] = {
    RunStatus.INTERRUPTED: 75,
    RunStatus.DIVERGED: 4,
}  # of the command line, for a run that ended without an error; 0 otherwise


def full_errors_requested() -> bool:
    """Whether the user wants tracebacks instead of one line, as with Hydra."""
    return _FULL_ERRORS


class GenrunError(Exception):
    """An error reported in one line: what is wrong, and what is allowed.

    The process ends with `exit_code`.
    """

    exit_code = 70


class ConfigError(GenrunError):
    """The configuration or the command line is wrong."""

    exit_code = 2


class SweepFailed(GenrunError):
    """At least one job of a sweep failed."""

    exit_code = 3


class SweepPaused(GenrunError):
    """A sweep ended before all its jobs had; it can be resumed."""

    exit_code = 75


class Diverged(GenrunError):
    """A loss or a weight is no longer finite."""

    exit_code = 4


class DataDamaged(GenrunError):
    """A data file exists, but its content is damaged or of the wrong kind."""

    exit_code = 65


class InputMissing(GenrunError):
    """A file or folder that was named does not exist."""

    exit_code = 66


class DeviceUnavailable(GenrunError):
    """The requested device does not exist."""

    exit_code = 69


class OutOfMemory(GenrunError):
    """The model and its batch need more memory than is available."""

    exit_code = 71


class CannotCreate(GenrunError):
    """A folder or file of the run cannot be created."""

    exit_code = 73


class FolderLocked(CannotCreate):
    """Another process holds the lock of the folder."""


class OutputFailed(GenrunError):
    """Writing a run's file failed: disk full, quota, I/O error."""

    exit_code = 74


class ProcessLost(GenrunError):
    """Another process of this run ended or cannot be reached."""

    exit_code = 74


class CheckpointUnusable(GenrunError):
    """A checkpoint is damaged, or of another experiment."""

    exit_code = 76


class CheckpointUnreadable(CheckpointUnusable):
    """A checkpoint that may be intact: written by a newer genrun, or without permission to read.

    An older checkpoint is not used in its place.
    """


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Context that turns an `OSError`, such as a full disk, into `OutputFailed`."""
    try:
        yield
    except OSError as error:
        raise OutputFailed(f"{path}: cannot be written ({error.strerror or error})") from error
