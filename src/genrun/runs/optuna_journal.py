"""An Optuna study in a journal file that several processes and machines may write.

Optuna defines the study and the journal's content; this module writes it to disk and checks it.
"""

from __future__ import annotations

import fcntl
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from genrun.core.errors import CheckpointUnusable, GenrunError, InputMissing, output_errors
from genrun.runs import disk

STUDY_NAME = "genrun"
MAX_BYTES = 1 << 28  # of a journal that is read
CHUNK_BYTES = 1 << 16


class Journal(JournalFileBackend):
    """Optuna's journal under an advisory lock, which the system releases if its holder is killed.

    Optuna's own lock is a file: after a process is killed that holds it, all others wait for half
    a minute. A line that a killed process wrote in part is cut off before more is appended.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        content = b"".join(json.dumps(log).encode() + b"\n" for log in logs)
        with output_errors(self._path):
            handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                _cut_torn_line(handle)
                disk.write(handle, content)
                disk.sync(handle)
            finally:
                os.close(handle)


@dataclass(frozen=True)
class OpenedStudy:
    """An Optuna study and its storage. Each call reads what other processes have written."""

    study: optuna.Study
    storage: BaseStorage

    def trials(self) -> list[FrozenTrial]:
        """Returns all trials, by number. They must not be modified."""
        return self.study.get_trials(deepcopy=False)

    def get_trial_id(self, number: int) -> int:
        """Returns the storage's id of a trial. Raises `CheckpointUnusable` if there is none."""
        study = self.storage.get_study_id_from_name(STUDY_NAME)
        try:
            return self.storage.get_trial_id_from_study_id_trial_number(study, number)
        except KeyError as error:
            raise CheckpointUnusable(f"the search's journal has no trial {number}") from error


class OpenedTrial(NamedTuple):
    """A study, and one of its trials."""

    study: OpenedStudy
    trial: int  # id in the study's storage


def create_study(path: Path) -> None:
    """Writes a journal with an empty study, durably; an existing journal is left as it is."""
    if path.is_file():
        with path.open("rb") as file:
            if file.readline(CHUNK_BYTES).endswith(b"\n"):
                return
    with silence_optuna():
        storage = JournalStorage(Journal(path))
        optuna.create_study(storage=storage, study_name=STUDY_NAME, load_if_exists=True)


def open_study(path: Path) -> OpenedStudy:
    """Opens the study of a journal.

    Raises `InputMissing` if there is no journal, and `CheckpointUnusable` if the file is damaged
    or not a journal; such a file is never written to.
    """
    if not path.is_file():
        raise InputMissing(f"{path}: there is no journal of a search")
    with _journal_errors(path), silence_optuna():
        _check_format(path)
        storage = JournalStorage(Journal(path))
        return OpenedStudy(optuna.load_study(study_name=STUDY_NAME, storage=storage), storage)


def create_study_in_memory() -> OpenedStudy:
    """Returns an empty study in memory. It has the usual name, from which hyperband draws."""
    with silence_optuna():
        storage = InMemoryStorage()
        return OpenedStudy(optuna.create_study(storage=storage, study_name=STUDY_NAME), storage)


@contextmanager
def _journal_errors(path: Path) -> Iterator[None]:
    """Turns any error into `CheckpointUnusable`: Optuna does not check what a journal contains."""
    try:
        yield
    except GenrunError:
        raise
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointUnusable(f"{path}: cannot be read as a journal ({reason})") from error


@contextmanager
def silence_optuna() -> Iterator[None]:
    """While open, Optuna logs only critical errors, and does not warn of experimental features."""
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _check_format(path: Path) -> None:
    """Raises `ValueError` unless each line is an operation and the first makes the study."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES} bytes")
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if not line.endswith(b"\n"):
                return
            operation = json.loads(line)
            if not isinstance(operation, dict) or not isinstance(operation.get("op_code"), int):
                raise ValueError(f"line {number + 1} is not an operation")
            if number == 0 and operation.get("study_name") != STUDY_NAME:
                raise ValueError("it does not start with genrun's study")


def _cut_torn_line(handle: int) -> None:
    """Cuts off an incomplete last line. The caller holds the lock; readers ignore such a line."""
    size = end = os.fstat(handle).st_size
    while end > 0:
        start = max(0, end - CHUNK_BYTES)
        newline = os.pread(handle, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        disk.truncate(handle, end)
