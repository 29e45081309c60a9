"""What a run in training leaves on disk: log, timings, samples, checkpoints."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from genrun.core.errors import CheckpointUnusable, OutputFailed
from genrun.runs.checkpoint import Checkpoint, checkpoints, prune, write_checkpoint
from genrun.runs.files import write_whole
from genrun.runs.pictures import grid_png


class Log:
    """A file of JSON rows that only grows, with the digest of what was written so far."""

    def __init__(self, path: Path, length: int) -> None:
        """Opens `path` cut to its first `length` bytes."""
        self.path = path
        path.touch()
        self._file = path.open("r+b", buffering=0)
        self._digest = hashlib.sha256(self._file.read(length))
        self._file.truncate(length)
        self._file.seek(length)
        self.length = length

    def append(self, row: Mapping[str, Any]) -> None:
        line = (json.dumps(row) + "\n").encode()
        try:
            self._file.write(line)
        except OSError as error:
            raise OutputFailed(f"{self.path}: cannot be written ({error.strerror})") from error
        self._digest.update(line)
        self.length += len(line)

    def sync(self) -> dict[str, Any]:
        """Makes every row durable; the length and digest to record beside a checkpoint."""
        os.fsync(self._file.fileno())
        return {"length": self.length, "sha256": self._digest.hexdigest()}

    def close(self) -> None:
        self._file.close()


class Recorder:
    """Writes a run's files; made for a new run by `begin`, for an old one by `resume`."""

    def __init__(self, folder: Path, metrics_length: int, timings_length: int) -> None:
        self.folder = folder
        for name in ("checkpoints", "samples"):
            (folder / name).mkdir(exist_ok=True)
        self.metrics = Log(folder / "metrics.jsonl", metrics_length)
        self.timings = Log(folder / "timings.jsonl", timings_length)

    @classmethod
    def begin(cls, folder: Path) -> Recorder:
        return cls(folder, 0, 0)

    @classmethod
    def resume(
        cls, folder: Path
    ) -> tuple[Recorder, Checkpoint | None, dict[str, float], list[str]]:
        """The recorder, the newest checkpoint that fits the log, and the seconds spent by then.

        Last come the names of newer checkpoints that were set aside: left in place, they would
        be taken for the latest when old ones are removed.

        Both logs are cut where that checkpoint was made. Without any checkpoint the run starts
        anew: it had not got as far as its first. Raises `CheckpointUnusable` where there are some
        and none is sound: a run never starts anew in silence.
        """
        before = {path.name for path in (folder / "checkpoints").glob("ckpt-*.safetensors")}
        for checkpoint in checkpoints(folder / "checkpoints"):
            if _log_matches(folder / "metrics.jsonl", checkpoint.record["log"]):
                length, seconds = _timings_until(folder / "timings.jsonl", checkpoint.step)
                recorder = cls(folder, checkpoint.record["log"]["length"], length)
                after = {path.name for path in (folder / "checkpoints").glob("ckpt-*.safetensors")}
                return recorder, checkpoint, seconds, sorted(before - after)
            checkpoint.path.rename(checkpoint.path.with_name(f"stale-{checkpoint.path.name}"))
        if any((folder / "checkpoints").glob("*ckpt-*.safetensors")):
            raise CheckpointUnusable(
                f"{folder}: none of its checkpoints is sound and fits its metrics.jsonl"
            )
        return cls(folder, 0, 0), None, {}, []

    def row(self, row: Mapping[str, float], seconds: Mapping[str, float]) -> None:
        self.metrics.append(row)
        rounded = {name: round(value, 6) for name, value in seconds.items()}
        rate = row["step"] / seconds["training"] if seconds["training"] else 0.0
        self.timings.append({"step": row["step"], **rounded, "steps_a_second": round(rate, 3)})

    def health(self, row: Mapping[str, Any]) -> None:
        self.metrics.append(row)

    def pictures(self, step: int, pictures: Mapping[str, Tensor]) -> None:
        for suffix, images in pictures.items():
            path = self.folder / "samples" / f"step-{step:06d}{suffix}.png"
            write_whole(path, grid_png(images))

    def checkpoint(
        self, tensors: Mapping[str, Tensor], record: Mapping[str, Any], best_step: int | None
    ) -> None:
        folder = self.folder / "checkpoints"
        write_checkpoint(folder, tensors, {**record, "log": self.metrics.sync()})
        prune(folder, best_step)

    def close(self) -> None:
        self.metrics.close()
        self.timings.close()


def _log_matches(path: Path, expected: Mapping[str, Any]) -> bool:
    if not path.is_file():
        return bool(expected["length"] == 0)
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(expected["length"])).hexdigest()
    return bool(digest == expected["sha256"])


def _timings_until(path: Path, step: int) -> tuple[int, dict[str, float]]:
    """The length of the whole rows up to a step, and the seconds that the last of them gives."""
    length, seconds = 0, {}
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            break  # torn by a crash: timings are not synced, and only lose a little
        if not line.endswith(b"\n") or row["step"] > step:
            break
        length += len(line)
        seconds = {k: v for k, v in row.items() if k not in ("step", "steps_a_second")}
    return length, seconds
