"""An Optuna study in a file that several processes and machines may write.

What is asked of it and told to it is Optuna's; how its journal gets to disk is ours.
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

NAME = "genrun"
LARGEST = 1 << 28
CHUNK = 1 << 16


class Journal(JournalFileBackend):
    """Optuna's file of operations, under a lock that the system drops with its holder.

    Optuna's own lock is a file: a process killed while it is there makes all others wait for half
    a minute. And what a killed process had half written is cut off before more is added.
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
    """What Optuna calls a study, and where it is kept; both read what others write when asked."""

    study: optuna.Study
    storage: BaseStorage

    def trials(self) -> list[FrozenTrial]:
        """All, by number. They must not be changed."""
        return self.study.get_trials(deepcopy=False)

    def get_trial_id(self, number: int) -> int:
        """What the storage knows a trial by. Raises `CheckpointUnusable` where there is none."""
        study = self.storage.get_study_id_from_name(NAME)
        try:
            return self.storage.get_trial_id_from_study_id_trial_number(study, number)
        except KeyError as error:
            raise CheckpointUnusable(f"the search's journal has no trial {number}") from error


class OpenedTrial(NamedTuple):
    """A trial of a study."""

    study: OpenedStudy
    trial: int  # what the study's storage knows it by


def create_study(path: Path) -> None:
    """A journal with an empty study, durable; one that is there is left as it is."""
    if path.is_file():
        with path.open("rb") as file:
            if file.readline(CHUNK).endswith(b"\n"):
                return
    with silence_optuna():
        storage = JournalStorage(Journal(path))
        optuna.create_study(storage=storage, study_name=NAME, load_if_exists=True)


def open_study(path: Path) -> OpenedStudy:
    """Raises `InputMissing` where there is no journal, and `CheckpointUnusable` where the file is
    none, or damaged: nothing is ever written to such a file.
    """
    if not path.is_file():
        raise InputMissing(f"{path}: there is no journal of a search")
    with _damage(path), silence_optuna():
        _check_form(path)
        storage = JournalStorage(Journal(path))
        return OpenedStudy(optuna.load_study(study_name=NAME, storage=storage), storage)


def create_study_in_memory() -> OpenedStudy:
    """An empty study that nobody else sees, of the name that all have: hyperband goes by it."""
    with silence_optuna():
        storage = InMemoryStorage()
        return OpenedStudy(optuna.create_study(storage=storage, study_name=NAME), storage)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Optuna replays a journal without looking: what it holds can fail in any way."""
    try:
        yield
    except GenrunError:
        raise
    except Exception as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointUnusable(f"{path}: is no journal that can be read ({said})") from error


@contextmanager
def silence_optuna() -> Iterator[None]:
    """Without what Optuna says of its own state of development."""
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _check_form(path: Path) -> None:
    """Whether every whole line is an operation, and the first makes the study."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if not line.endswith(b"\n"):
                return
            operation = json.loads(line)
            if not isinstance(operation, dict) or not isinstance(operation.get("op_code"), int):
                raise ValueError(f"line {number + 1} is no operation")
            if number == 0 and operation.get("study_name") != NAME:
                raise ValueError("it does not begin with genrun's study")


def _cut_torn_line(handle: int) -> None:
    """Only for the holder of the lock. Readers have not taken it: they wait for its end."""
    size = end = os.fstat(handle).st_size
    while end > 0:
        start = max(0, end - CHUNK)
        newline = os.pread(handle, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        disk.truncate(handle, end)
