"""A run's folder, and what can be read of it without torch's help."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnusable, InputMissing
from genrun.runs.files import write_json, write_whole


class RunFolder:
    """Paths and small files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Raises `InputMissing` where the folder is none of a run."""
        folder = cls(Path(path))
        if not folder.path.exists():
            raise InputMissing(f"{path}: there is no such folder")
        if not folder.config_path.is_file() or not folder._run_path.is_file():
            raise InputMissing(f"{path}: is not a run's folder (it has no run.json, config.yaml)")
        return folder

    @property
    def config_path(self) -> Path:
        return self.path / "config.yaml"

    @property
    def _run_path(self) -> Path:
        return self.path / "run.json"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    def read(self) -> dict[str, Any]:
        """The content of run.json. Raises `CheckpointUnusable` where it is damaged."""
        try:
            content: dict[str, Any] = json.loads(self._run_path.read_bytes())
        except (ValueError, OSError) as error:
            raise CheckpointUnusable(f"{self._run_path}: cannot be read ({error})") from error
        return content

    def update(self, values: Mapping[str, Any]) -> None:
        """Adds values to run.json, which is replaced whole."""
        known = self.read() if self._run_path.is_file() else {}
        write_json(self._run_path, {**known, **values})

    def write_config(self, text: str) -> None:
        write_whole(self.config_path, text.encode())

    def rows(self) -> list[dict[str, Any]]:
        """The log's rows of values, one a logged step."""
        return [row for row in self._log() if "health" not in row]

    def health(self) -> list[dict[str, Any]]:
        """The log's health events: `step`, `health` (its name), `state`, `detail`."""
        return [row for row in self._log() if "health" in row]

    def _log(self) -> list[dict[str, Any]]:
        """Both kinds of rows; a last line torn by a crash is left out."""
        path = self.path / "metrics.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def timings(self) -> dict[str, float]:
        """The last row of timings.jsonl, empty where there is none."""
        path = self.path / "timings.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
        whole = [line for line in lines if line.endswith(b"\n")]
        return json.loads(whole[-1]) if whole else {}


def run_folders(root: Path) -> Iterator[RunFolder]:
    """Every run below a folder, oldest first by path."""
    for path in sorted(root.rglob("run.json")):
        if (path.parent / "config.yaml").is_file():
            yield RunFolder(path.parent)
