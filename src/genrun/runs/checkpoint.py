"""Checkpoints: safetensors files named after the step and the SHA-256 of their content.

A checkpoint is untrusted: the hash is checked before anything of the file is used. The header is
then parsed by `safetensors.safe_open`, which checks every tensor's place against the file's size
and takes no memory for tensors; what it leaves open (how long a header and how many dimensions
there may be) is bounded here (docs/decisions/0017-safetensors-header.md).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import struct
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
from genrun.runs.untrusted_json import parse_json

FORMAT = 1
LAST_KEPT = 2  # checkpoints; the best one is kept besides
LONGEST_HEADER = 1 << 24  # bytes; safetensors itself allows 100 MB, which takes 1 GB to parse
MOST_DIMENSIONS = 16
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
NAME = re.compile(r"ckpt-(\d{10})-([0-9a-f]{32})\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """A file that passed every check: its tensors by path, and the rest of the state as JSON."""

    path: Path
    meta_tensors: Mapping[str, Tensor]  # on the device `meta`: dtype and shape, no memory
    record: Mapping[str, Any]

    @property
    def step(self) -> int:
        return int(self.record["step"])

    def tensors(self, folder: str = "") -> dict[str, Tensor]:
        """Reads the tensors whose path begins with `folder`; memory is taken only now."""
        with safetensors.safe_open(self.path, framework="pt") as file:
            return {
                path: file.get_tensor(path)
                for path in self.meta_tensors
                if path.startswith(folder)
            }


def write_checkpoint(
    folder: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]
) -> Path:
    """Writes `ckpt-<step>-<sha256>.safetensors`; the same state always gets the same name."""
    # Copies, because safetensors refuses tensors that share memory, as tied weights do.
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
    """Removes all checkpoints but the last ones and the best."""
    for path in list_checkpoints(folder)[LAST_KEPT:]:
        if _step_in_name(path) != best_step:
            with output_errors(path):
                disk.remove(path)
    with output_errors(folder):
        sync_folder(folder)


def sound_checkpoints(folder: Path) -> Iterator[Checkpoint]:
    """Yields the sound checkpoints of a folder, newest first; damaged files are skipped."""
    for path in list_checkpoints(folder):
        try:
            yield read_checkpoint(path)
        except CheckpointUnreadable:
            raise
        except CheckpointUnusable:
            continue


def read_checkpoint(path: Path) -> Checkpoint:
    """Checks a file before anything of it is used, without taking memory for its tensors.

    Raises `CheckpointUnusable` if the content does not match the name or is no checkpoint, and its
    subclass `CheckpointUnreadable` if the file may be sound but cannot be read here.
    """
    name = NAME.fullmatch(path.name)
    try:
        if name is None or hash_file(path).hexdigest()[:32] != name[2]:
            raise ValueError("its content does not match the hash in its name")
        metadata, meta_tensors = read_header(path)
        record = _parse_record(metadata, int(name[1]))
    except OSError as error:
        is_forbidden = error.errno in (errno.EACCES, errno.EPERM)
        kind = CheckpointUnreadable if is_forbidden else CheckpointUnusable
        raise kind(f"{path}: cannot be read ({error.strerror or error})") from error
    except CheckpointUnreadable as error:
        raise CheckpointUnreadable(f"{path}: {error}") from error
    except ValueError as error:
        raise CheckpointUnusable(f"{path}: {error}") from error
    return Checkpoint(path, meta_tensors, record)


def _check_header_length(path: Path) -> None:
    """Raises `ValueError` if the header is longer than the file or than genrun would write."""
    with path.open("rb") as file:
        start = file.read(8)
    if len(start) < 8:
        raise ValueError("it is too short for a safetensors file")
    (length,) = struct.unpack("<Q", start)
    if length > min(path.stat().st_size - 8, LONGEST_HEADER):
        raise ValueError(f"its header claims to be {length} bytes long")


def read_header(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Returns a file's metadata, and its tensors on the device `meta`.

    Raises `ValueError` that names what is wrong, or `OSError`.
    """
    _check_header_length(path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # no mapping
            tensors = {
                name: _meta_tensor(name, part.get_dtype(), part.get_shape())
                for name, part in parts.items()
            }
            return file.metadata() or {}, tensors
    except safetensors.SafetensorError as error:
        raise ValueError(f"its header is damaged ({error})") from error


def _meta_tensor(name: str, dtype: str, shape: list[int]) -> Tensor:
    if dtype not in DTYPES:
        raise ValueError(f"{name!r} has the unknown dtype {dtype}")
    if len(shape) > MOST_DIMENSIONS:
        raise ValueError(f"{name!r} has {len(shape)} dimensions")
    try:
        return torch.empty(shape, dtype=DTYPES[dtype], device="meta")
    except RuntimeError as error:  # sizes whose product is 0 but overflows on the way
        raise ValueError(f"{name!r} has an impossible shape") from error


def _parse_record(metadata: Mapping[str, str], step: int) -> dict[str, Any]:
    """Returns the record in the metadata. Raises `ValueError` if its basic entries are wrong."""
    record = parse_json(metadata.get("genrun", "").encode())
    if not isinstance(record, dict) or type(record.get("format")) is not int:
        raise ValueError("it is no checkpoint of genrun")
    if record["format"] > FORMAT:
        raise CheckpointUnreadable(
            f"has format {record['format']}; this genrun reads up to {FORMAT}"
        )
    log, best = record.get("log"), record.get("best")
    if not isinstance(log, dict) or type(log.get("length")) is not int or log["length"] < 0:
        raise ValueError("its record lacks the length of the log")
    if best is not None and not (isinstance(best, list) and len(best) == 2):
        raise ValueError("its record of the best step is damaged")
    if record.get("step") != step:
        raise ValueError("its step is not the one in its name")
    return record


def list_checkpoints(folder: Path) -> list[Path]:
    """Returns the files named like checkpoints, newest first, unread; links and pipes are skipped.

    Raises `CheckpointUnreadable` if the folder cannot be read, which differs from an empty one.
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


def _step_in_name(path: Path) -> int:
    matched = NAME.fullmatch(path.name)
    assert matched is not None
    return int(matched[1])
