"""What a run in training leaves on disk: log, timings, samples, checkpoints."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from genrun.core.errors import output_errors
from genrun.core.types import Picture
from genrun.core.usage import PHASES
from genrun.runs import disk, layout
from genrun.runs.checkpoint import Checkpoint, remove_old_checkpoints, write_checkpoint
from genrun.runs.files import hash_file, make_folder, remove_temporaries, write_atomic
from genrun.runs.sample_images import picture_png

LONGEST_TIMING = 1 << 12
OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class AppendLog:
    """A file of JSON rows that only grows, with the digest of what was written so far."""

    def __init__(self, path: Path, length: int) -> None:
        """Opens `path` cut to its first `length` bytes."""
        self.path = path
        self.length = length
        with output_errors(path):
            self._handle = os.open(path, OPEN, 0o666)
            self._digest = hash_file(path, length)
            if os.fstat(self._handle).st_size > length:
                disk.truncate(self._handle, length)
            os.lseek(self._handle, length, os.SEEK_SET)

    def append(self, row: Mapping[str, Any]) -> None:
        line = (json.dumps(row) + "\n").encode()
        with output_errors(self.path):
            disk.write(self._handle, line)
        self._digest.update(line)
        self.length += len(line)

    def sync(self) -> dict[str, Any]:
        """Makes every row durable; the length and digest to record beside a checkpoint."""
        with output_errors(self.path):
            disk.sync(self._handle)
        return {"length": self.length, "sha256": self._digest.hexdigest()}

    def close(self) -> None:
        os.close(self._handle)


class FolderRecorder:
    """Writes a run's files; made for a new run by `begin`, for an old one by `resume`."""

    def __init__(self, folder: Path, metrics_length: int, timings_length: int) -> None:
        self.folder = folder
        for name in (layout.CHECKPOINTS, layout.SAMPLES):
            make_folder(folder / name)
        self.metrics = AppendLog(folder / layout.METRICS, metrics_length)
        self.timings = AppendLog(folder / layout.TIMINGS, timings_length)

    @classmethod
    def begin(cls, folder: Path) -> FolderRecorder:
        return cls(folder, 0, 0)

    @classmethod
    def resume(
        cls, folder: Path, checkpoint: Checkpoint | None
    ) -> tuple[FolderRecorder, dict[str, Any]]:
        """The recorder, and the last timings until the checkpoint, where both logs are cut."""
        for place in (folder, folder / layout.CHECKPOINTS, folder / layout.SAMPLES):
            remove_temporaries(place)
        if checkpoint is None:
            return cls(folder, 0, 0), {}
        length, timings = _timings_until(folder / layout.TIMINGS, checkpoint.step)
        return cls(folder, checkpoint.record["log"]["length"], length), timings

    def write_row(self, row: Mapping[str, float], spent: Mapping[str, float]) -> None:
        """`spent` has the seconds by phase so far, and what else is measured."""
        self.metrics.append(row)
        rounded = {name: round(value, 6) for name, value in spent.items()}
        rate = row["step"] / spent["training"] if spent["training"] else 0.0
        self.timings.append({"step": row["step"], **rounded, "steps_a_second": round(rate, 3)})

    def write_health(self, row: Mapping[str, Any]) -> None:
        self.metrics.append(row)

    def write_pictures(self, step: int, pictures: Mapping[str, Picture]) -> dict[str, bytes]:
        """What was written, by the pictures' names."""
        drawn = {suffix: picture_png(picture) for suffix, picture in pictures.items()}
        for suffix, png in drawn.items():
            write_atomic(self.folder / layout.SAMPLES / f"step-{step:06d}{suffix}.png", png)
        return drawn

    def write_checkpoint(
        self, tensors: Mapping[str, Tensor], record: Mapping[str, Any], best_step: int | None
    ) -> None:
        folder = self.folder / layout.CHECKPOINTS
        write_checkpoint(folder, tensors, {**record, "log": self.metrics.sync()})
        remove_old_checkpoints(folder, best_step)

    def close(self) -> None:
        self.metrics.close()
        self.timings.close()


def _timings_until(path: Path, step: int) -> tuple[int, dict[str, Any]]:
    """The length of the whole rows up to a step, and the last of them."""
    length = 0
    last: dict[str, Any] = {}
    if not path.is_file():
        return length, last
    with output_errors(path), path.open("rb") as file:
        while line := file.readline(LONGEST_TIMING):
            try:
                row = json.loads(line)
                later = row["step"] > step
                for phase in PHASES:
                    float(row[phase])
            except (ValueError, KeyError, TypeError, RecursionError):
                break  # torn by a crash: timings are not synced, and only lose a little
            if not line.endswith(b"\n") or later:
                break
            length += len(line)
            last = row
    return length, last
