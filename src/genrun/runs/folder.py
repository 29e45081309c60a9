"""A run's folder and its small files, read as untrusted and without torch."""

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
from genrun.runs.files import make_folder, write_atomic, write_json
from genrun.runs.untrusted_json import MapOf, Nullable, check_schema, read_json

FILES = (
    layout.RUN, layout.CONFIG, layout.EVALUATION, layout.TEST, layout.METRICS, layout.TIMINGS,
    layout.LOCK,
)  # fmt: skip
FOLDERS = (layout.CHECKPOINTS, layout.SAMPLES, layout.TENSORBOARD)
LARGEST_RUN_JSON = 1 << 24
LONGEST_ROW = 1 << 20
RUN_SCHEMA = {  # run.json from the start of training on
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
FAILED_SCHEMA = {  # run.json of a job that failed before it was built
    "choices": MapOf(str),
    "overrides": [str],
    "status": str,
    "reason": str,
}
COMPARISON_SCHEMA = {
    "features": Nullable(str),
    "metrics": MapOf({"samples": int, "held_out": int, "features": bool}),
}
OPTIONAL_SCHEMA = {  # entries of run.json that are checked if they are present
    "step": int,
    "best": Nullable({"step": int, "value": float | int}),
    "comparison": COMPARISON_SCHEMA,
    "updates": MapOf([{"rule": str, "tensors": int, "parameters": int}]),
}
HEALTH_SCHEMA = {"step": int, "health": str, "state": str, "detail": str}
TIMING_SCHEMA = {"step": int, "training": float | int}


class RunFolder:
    """The paths and small files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Opens an existing run. Raises `InputMissing` if the folder is not a run's."""
        folder = cls(Path(path))
        if not os.path.exists(folder.path):  # not Path.exists, which raises if access is denied
            raise InputMissing(f"{path}: there is no such folder")
        try:
            is_run = folder.config_path.is_file() and folder._run_path.is_file()
        except OSError as error:
            raise InputMissing(f"{path}: cannot be read ({error.strerror})") from error
        if not is_run:
            raise InputMissing(
                f"{path}: is not a run's folder (run.json or config.yaml is missing)"
            )
        folder.check_no_links()
        return folder

    def check_no_links(self) -> None:
        """Raises `CheckpointUnusable` if a file or folder of the run is a link, pipe or device.

        A link in an untrusted folder would make genrun write elsewhere.
        """
        for names, is_expected in ((FILES, stat.S_ISREG), (FOLDERS, stat.S_ISDIR)):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    if not is_expected((self.path / name).lstat().st_mode):
                        kind = "file" if names is FILES else "folder"
                        raise CheckpointUnusable(f"{self.path / name}: is no regular {kind}")

    def has_run_json(self) -> bool:
        """Whether run.json exists, valid or not."""
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
        """Returns the content of run.json, checked against its schema.

        Raises `CheckpointUnusable` if it is damaged.
        """
        path = self._run_path
        try:
            content = read_json(path, LARGEST_RUN_JSON)
            _check_run(content)
        except (ValueError, OSError) as error:
            raise CheckpointUnusable(f"{path}: cannot be read ({error})") from error
        return dict(content)

    def update(self, values: Mapping[str, Any]) -> None:
        """Adds values to run.json, which is replaced atomically."""
        known = self.read() if self._run_path.is_file() else {}
        write_json(self._run_path, {**known, **values})

    def write_hydra_files(self, files: Mapping[str, str]) -> None:
        """Writes the configuration as Hydra composed it, by name of the file in `.hydra`."""
        make_folder(self.path / layout.HYDRA)
        for name, text in files.items():
            write_atomic(self.path / layout.HYDRA / name, text.encode())

    def write_config(self, text: str) -> None:
        write_atomic(self.config_path, text.encode())

    def rows(self) -> list[dict[str, Any]]:
        """The log's rows of values, one for each logged step."""
        return [row for row in self._log() if "health" not in row]

    def health(self) -> list[dict[str, Any]]:
        """The log's health events: `step`, `health` (its name), `state`, `detail`."""
        return [row for row in self._log() if "health" in row]

    def _log(self) -> list[dict[str, Any]]:
        """Rows of values and health events; an incomplete last line is left out."""
        return list(_rows(self.path / layout.METRICS, _check_log_row))

    def timings(self) -> dict[str, float]:
        """The last row of timings.jsonl; empty if there is none."""
        rows = list(_rows(self.path / layout.TIMINGS, _check_timing_row))
        return rows[-1] if rows else {}


def _check_run(content: Any) -> None:
    check_schema(content, FAILED_SCHEMA)
    RunStatus(content["status"])  # raises ValueError
    if content["status"] == RunStatus.FAILED and "environment" not in content:
        return
    check_schema(content, RUN_SCHEMA)
    check_schema(
        content, {name: schema for name, schema in OPTIONAL_SCHEMA.items() if name in content}
    )
    if len(shape := content["data"]["shape"]) != 3 or min(shape) < 1:
        raise ValueError("it.data.shape must be channels, height, width")


def _rows(path: Path, check: Callable[[Any], None]) -> Iterator[dict[str, Any]]:
    """Yields a log's complete rows. Raises `CheckpointUnusable` naming the line that is wrong."""
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
    """Yields every run below a folder, sorted by path."""
    for path in sorted(root.rglob(layout.RUN)):
        if (path.parent / layout.CONFIG).is_file():
            yield RunFolder(path.parent)
