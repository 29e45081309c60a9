"""A run's folder, and what can be read of it without torch's help."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnusable, InputMissing
from genrun.core.status import RunStatus
from genrun.runs import layout
from genrun.runs.files import write_atomic, write_json
from genrun.runs.untrusted_json import MapOf, Nullable, check_schema, read_json

FILES = (
    layout.RUN, layout.CONFIG, layout.EVALUATION, layout.TEST, layout.METRICS, layout.TIMINGS,
    layout.LOCK,
)  # fmt: skip
FOLDERS = (layout.CHECKPOINTS, layout.SAMPLES, layout.TENSORBOARD)
LARGEST_RUN_JSON = 1 << 24
LONGEST_ROW = 1 << 20
RUN_SCHEMA = {  # what run.json holds from the beginning
    "status": str,
    "reason": str,
    "choices": MapOf(str),
    "overrides": [str],
    "steps": int,
    "monitor": str,
    "environment": {"device": str, "threads": int},
    "data": {"name": str, "digest": str, "shape": [int]},
    "parameters": MapOf(int),
    "resumed": [{"step": int}],
}
EARLY_SCHEMA = {
    "choices": MapOf(str),
    "overrides": [str],
    "status": str,
    "reason": str,
}  # never built
COMPARISON_SCHEMA = {
    "features": Nullable(str),
    "metrics": MapOf({"samples": int, "held_out": int, "features": bool}),
}
LATER_SCHEMA = {  # what is not there from the beginning, or not of every version
    "step": int,
    "best": Nullable({"step": int, "value": float | int}),
    "comparison": COMPARISON_SCHEMA,
    "updates": MapOf([{"rule": str, "tensors": int, "parameters": int}]),
}
HEALTH_SCHEMA = {"step": int, "health": str, "state": str, "detail": str}
TIMING_SCHEMA = {"step": int, "training": float | int}


class RunFolder:
    """Paths and small files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Raises `InputMissing` where the folder is none of a run."""
        folder = cls(Path(path))
        if not os.path.exists(folder.path):  # Path.exists raises where one may not look
            raise InputMissing(f"{path}: there is no such folder")
        try:
            whole = folder.config_path.is_file() and folder._run_path.is_file()
        except OSError as error:
            raise InputMissing(f"{path}: cannot be read ({error.strerror})") from error
        if not whole:
            raise InputMissing(f"{path}: is not a run's folder (it has no run.json, config.yaml)")
        folder.check_no_links()
        return folder

    def check_no_links(self) -> None:
        """A run's files are files: a link in a stranger's folder would lead a writer elsewhere.

        Raises `CheckpointUnusable`.
        """
        for names, wanted in ((FILES, stat.S_ISREG), (FOLDERS, stat.S_ISDIR)):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    if not wanted((self.path / name).lstat().st_mode):
                        kind = "file" if names is FILES else "folder"
                        raise CheckpointUnusable(f"{self.path / name}: is no regular {kind}")

    def has_run_json(self) -> bool:
        """Whether there is a run.json, sound or not."""
        return self._run_path.is_file()

    @property
    def config_path(self) -> Path:
        return self.path / layout.CONFIG

    @property
    def _run_path(self) -> Path:
        return self.path / layout.RUN

    @property
    def checkpoints(self) -> Path:
        return self.path / layout.CHECKPOINTS

    @property
    def samples(self) -> Path:
        return self.path / layout.SAMPLES

    def read(self) -> dict[str, Any]:
        """The content of run.json, of the form that genrun writes.

        Raises `CheckpointUnusable` where it is damaged.
        """
        path = self._run_path
        try:
            content = read_json(path, LARGEST_RUN_JSON)
            _check_run(content)
        except (ValueError, OSError) as error:
            raise CheckpointUnusable(f"{path}: cannot be read ({error})") from error
        return dict(content)

    def update(self, values: Mapping[str, Any]) -> None:
        """Adds values to run.json, which is replaced whole."""
        known = self.read() if self._run_path.is_file() else {}
        write_json(self._run_path, {**known, **values})

    def write_config(self, text: str) -> None:
        write_atomic(self.config_path, text.encode())

    def rows(self) -> list[dict[str, Any]]:
        """The log's rows of values, one a logged step."""
        return [row for row in self._log() if "health" not in row]

    def health(self) -> list[dict[str, Any]]:
        """The log's health events: `step`, `health` (its name), `state`, `detail`."""
        return [row for row in self._log() if "health" in row]

    def _log(self) -> list[dict[str, Any]]:
        """Both kinds of rows; a last line torn by a crash is left out."""
        return list(_rows(self.path / layout.METRICS, _check_log_row))

    def timings(self) -> dict[str, float]:
        """The last row of timings.jsonl, empty where there is none."""
        rows = list(_rows(self.path / layout.TIMINGS, _check_timing_row))
        return rows[-1] if rows else {}


def _check_run(content: Any) -> None:
    check_schema(content, EARLY_SCHEMA)
    RunStatus(content["status"])  # ValueError if it is none
    if content["status"] == RunStatus.FAILED and "environment" not in content:
        return
    check_schema(content, RUN_SCHEMA)
    check_schema(content, {name: form for name, form in LATER_SCHEMA.items() if name in content})
    if len(shape := content["data"]["shape"]) != 3 or min(shape) < 1:
        raise ValueError("it.data.shape must be channels, height, width")


def _rows(path: Path, check: Callable[[Any], None]) -> Iterator[dict[str, Any]]:
    """A log's whole lines, one at a time. Raises `CheckpointUnusable` naming the line."""
    if not path.is_file():
        return
    number = 0
    try:
        with path.open("rb") as file:
            while line := file.readline(LONGEST_ROW):
                number += 1
                if not line.endswith(b"\n"):
                    if len(line) == LONGEST_ROW:
                        raise ValueError("is too long")
                    return
                row = json.loads(line)
                check(row)
                yield row
    except (ValueError, RecursionError, OSError) as error:
        raise CheckpointUnusable(f"{path}: line {number} cannot be read ({error})") from error


def _check_log_row(row: Any) -> None:
    if isinstance(row, dict) and "health" in row:
        check_schema(row, HEALTH_SCHEMA, "the row")
    else:
        check_schema(row, {"step": int}, "the row")
        check_schema(row, MapOf(int | float), "the row")


def _check_timing_row(row: Any) -> None:
    check_schema(row, TIMING_SCHEMA, "the row")


def find_runs(root: Path) -> Iterator[RunFolder]:
    """Every run below a folder, oldest first by path."""
    for path in sorted(root.rglob(layout.RUN)):
        if (path.parent / layout.CONFIG).is_file():
            yield RunFolder(path.parent)
