"""Checkpoints: safetensors files that are named after their content."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from genrun.core.errors import CheckpointUnreadable, CheckpointUnusable, output_errors
from genrun.runs import disk
from genrun.runs.files import hash_file, sync_folder, write_atomic
from genrun.runs.safetensors_header import TensorForm, read_header
from genrun.runs.untrusted_json import parse_json

FORMAT = 1
KEPT = 2  # the last ones; the best is kept besides
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
NAME = re.compile(r"ckpt-(\d{10})-([0-9a-f]{32})\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """A sound file: its tensors by path, and everything else as JSON."""

    path: Path
    meta_tensors: Mapping[str, Tensor]  # on the device `meta`: dtype and shape, no memory
    record: Mapping[str, Any]

    @property
    def step(self) -> int:
        return int(self.record["step"])

    def tensors(self, folder: str = "") -> dict[str, Tensor]:
        """The tensors whose path begins with `folder`; memory is taken only now."""
        with safetensors.safe_open(self.path, framework="pt") as file:
            return {
                path: file.get_tensor(path)
                for path in self.meta_tensors
                if path.startswith(folder)
            }


def write_checkpoint(
    folder: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]
) -> Path:
    """Writes `ckpt-<step>-<sha256>.safetensors`; the same state always gives the same name."""
    # Copies, since safetensors refuses tensors that share memory, as tied weights do.
    on_cpu = {
        path: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for path, tensor in tensors.items()
    }
    metadata = {"genrun": json.dumps({"format": FORMAT, **record})}
    content = safetensors.torch.save(on_cpu, metadata)
    digest = hashlib.sha256(content).hexdigest()[:32]
    path = folder / f"ckpt-{record['step']:010d}-{digest}.safetensors"
    write_atomic(path, content)
    return path


def remove_old_checkpoints(folder: Path, best_step: int | None) -> None:
    """Removes all checkpoints but the best and the last."""
    for path in list_checkpoints(folder)[KEPT:]:
        if _step_of(path) != best_step:
            with output_errors(path):
                disk.remove(path)
    with output_errors(folder):
        sync_folder(folder)


def sound_checkpoints(folder: Path) -> Iterator[Checkpoint]:
    """The sound checkpoints of a folder, newest first. Damaged ones are left where they are."""
    for path in list_checkpoints(folder):
        try:
            yield read_checkpoint(path)
        except CheckpointUnreadable:
            raise
        except CheckpointUnusable:
            continue


def read_checkpoint(path: Path) -> Checkpoint:
    """Checks a file before anything of it is used, and takes no memory for its tensors.

    Raises `CheckpointUnusable` where the content is not what its name says or is no checkpoint,
    and of that `CheckpointUnreadable` where it may be sound.
    """
    matched = NAME.fullmatch(path.name)
    try:
        header = read_header(path)
        if matched is None or hash_file(path).hexdigest()[:32] != matched[2]:
            raise ValueError("its content is not what its name says")
        record = _record(header.metadata, int(matched[1]))
        forms = {name: _form(tensor) for name, tensor in header.tensors.items()}
    except OSError as error:
        kept = error.errno in (errno.EACCES, errno.EPERM)
        kind = CheckpointUnreadable if kept else CheckpointUnusable
        raise kind(f"{path}: cannot be read ({error.strerror})") from error
    except CheckpointUnreadable as error:
        raise CheckpointUnreadable(f"{path}: {error}") from error
    except ValueError as error:
        raise CheckpointUnusable(f"{path}: {error}") from error
    return Checkpoint(path, forms, record)


def _form(tensor: TensorForm) -> Tensor:
    try:
        return torch.empty(tensor.shape, dtype=DTYPES[tensor.dtype], device="meta")
    except RuntimeError as error:  # sizes that multiply to 0 and overflow on the way
        raise ValueError("it has an impossible shape") from error


def _record(metadata: Mapping[str, str], step: int) -> dict[str, Any]:
    """The record in the metadata, its first floor checked. Raises `ValueError`."""
    record = parse_json(metadata.get("genrun", "").encode())
    if not isinstance(record, dict) or type(record.get("format")) is not int:
        raise ValueError("it is no checkpoint of genrun")
    if record["format"] > FORMAT:
        raise CheckpointUnreadable(
            f"has format {record['format']}; this genrun reads up to {FORMAT}"
        )
    log, best = record.get("log"), record.get("best")
    if not isinstance(log, dict) or type(log.get("length")) is not int or log["length"] < 0:
        raise ValueError("it does not say how long its log is")
    if best is not None and not (isinstance(best, list) and len(best) == 2):
        raise ValueError("it does not say which step was the best")
    if record.get("step") != step:
        raise ValueError("its step is not the one in its name")
    return record


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a folder by their names, unread; links and pipes are none.

    Raises `CheckpointUnreadable` where the folder may not be read: it is not the same as empty.
    """
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if NAME.fullmatch(e.name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointUnreadable(f"{folder}: cannot be read ({error.strerror})") from error
    paths = [folder / name for name in sorted(names, reverse=True)]
    return [path for path in paths if stat.S_ISREG(path.lstat().st_mode)]


def _step_of(path: Path) -> int:
    matched = NAME.fullmatch(path.name)
    assert matched is not None
    return int(matched[1])
