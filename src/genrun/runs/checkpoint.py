"""Checkpoints: safetensors files that are named after their content."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from genrun.core.errors import CheckpointUnusable
from genrun.runs.files import sync_folder, write_whole

FORMAT = 1
KEPT = 2  # the last ones; the best is kept besides
NAME = re.compile(r"ckpt-(\d{10})-([0-9a-f]{32})\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds: tensors by path, and everything else as JSON."""

    path: Path
    tensors: Mapping[str, Tensor]
    record: Mapping[str, Any]

    @property
    def step(self) -> int:
        return int(self.record["step"])


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
    write_whole(path, content)
    return path


def prune(folder: Path, best_step: int | None) -> None:
    """Removes all checkpoints but the best and the last."""
    paths = _newest_first(folder)
    for path in paths[KEPT:]:
        if _step_of(path) != best_step:
            path.unlink(missing_ok=True)
    sync_folder(folder)


def checkpoints(folder: Path) -> Iterator[Checkpoint]:
    """The sound checkpoints of a folder, newest first.

    A file whose content is not what its name says is set aside as `corrupt-…` and skipped.
    """
    for path in _newest_first(folder):
        try:
            yield read_checkpoint(path)
        except CheckpointUnusable:
            path.rename(path.with_name(f"corrupt-{path.name}"))


def read_checkpoint(path: Path) -> Checkpoint:
    """Raises `CheckpointUnusable` where the content is damaged or of a newer format."""
    matched = NAME.fullmatch(path.name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointUnusable(f"{path}: cannot be read ({error.strerror})") from error
    if matched is None or hashlib.sha256(content).hexdigest()[:32] != matched[2]:
        raise CheckpointUnusable(f"{path}: its content is not what its name says")
    length = struct.unpack("<Q", content[:8])[0]
    record = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["genrun"])
    if record["format"] > FORMAT:
        raise CheckpointUnusable(
            f"{path}: has format {record['format']}; this genrun reads up to {FORMAT}"
        )
    return Checkpoint(path, safetensors.torch.load(content), record)


def _newest_first(folder: Path) -> list[Path]:
    paths = [path for path in folder.glob("ckpt-*.safetensors") if NAME.fullmatch(path.name)]
    return sorted(paths, reverse=True)


def _step_of(path: Path) -> int:
    matched = NAME.fullmatch(path.name)
    assert matched is not None
    return int(matched[1])
