"""What a run writes while it trains: log, timings, pictures, checkpoints."""

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
    """An append-only file of JSON rows, with the digest of its content so far."""

    def __init__(self, path: Path, length: int) -> None:
        """Opens `path`, truncated to its first `length` bytes."""
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
        """Makes every row durable; returns the length and digest for a checkpoint's record."""
        with output_errors(self.path):
            disk.sync(self._handle)
        return {"length": self.length, "sha256": self._digest.hexdigest()}

    def close(self) -> None:
        os.close(self._handle)


class FolderRecorder:
    """Writes a run's files. Created by `begin` for a new run, by `resume` for an earlier one."""

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
        """Truncates both logs at the checkpoint; returns the recorder and the last timings."""
        for written in (folder, folder / layout.CHECKPOINTS, folder / layout.SAMPLES):
            remove_temporaries(written)
        if checkpoint is None:
            return cls(folder, 0, 0), {}
        length, timings = _timings_until(folder / layout.TIMINGS, checkpoint.step)
        return cls(folder, checkpoint.record["log"]["length"], length), timings

    def write_row(self, row: Mapping[str, float], usage: Mapping[str, float]) -> None:
        """`usage` holds the seconds by phase so far and the other measurements (`Meters`)."""
        self.metrics.append(row)
        rounded = {name: round(value, 6) for name, value in usage.items()}
        rate = row["step"] / usage["training"] if usage["training"] else 0.0
        self.timings.append({"step": row["step"], **rounded, "steps_a_second": round(rate, 3)})

    def write_health(self, row: Mapping[str, Any]) -> None:
        self.metrics.append(row)

    def write_pictures(self, step: int, pictures: Mapping[str, Picture]) -> dict[str, bytes]:
        """Returns the PNG files that were written, by the pictures' names."""
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
    """Returns the length of the complete rows up to a step, and the last of them."""
    length = 0
    last: dict[str, Any] = {}
    if not path.is_file():
        return length, last
    with output_errors(path), path.open("rb") as file:
        while line := file.readline(LONGEST_TIMING):
            try:
                row = json.loads(line)
                is_later = row["step"] > step
                for phase in PHASES:
                    float(row[phase])
            except (ValueError, KeyError, TypeError, RecursionError):
                break  # cut off by a crash: timings are not synced, so the last rows can be lost
            if not line.endswith(b"\n") or is_later:
                break
            length += len(line)
            last = row
    return length, last
