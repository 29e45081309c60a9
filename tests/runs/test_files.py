"""Folders, atomic files, checkpoints, logs and pictures of a run."""

import json
import struct
from pathlib import Path

import pytest
import torch

from genrun.core.errors import CannotCreate, CheckpointUnusable, InputMissing, OutputFailed
from genrun.runs.checkpoint import (
    read_checkpoint,
    remove_old_checkpoints,
    sound_checkpoints,
    write_checkpoint,
)
from genrun.runs.files import claim_folder, write_atomic
from genrun.runs.folder import RunFolder
from genrun.runs.recorder import AppendLog
from genrun.runs.sample_images import grid_png

TENSORS = {"networks/a": torch.arange(6.0).view(2, 3), "count": torch.tensor(3)}
LOG = {"length": 0, "sha256": ""}


def test_claimed_folders_are_unique(tmp_path: Path) -> None:
    names = [claim_folder(tmp_path / "deep" / "run").name for _ in range(3)]
    assert names == ["run", "run-2", "run-3"]
    (tmp_path / "file").touch()
    with pytest.raises(CannotCreate, match="file"):
        claim_folder(tmp_path / "file" / "run")


def test_a_file_is_replaced_atomically(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    with pytest.raises(OutputFailed):
        write_atomic(tmp_path / "nowhere" / "x", b"three")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_checkpoint_round_trip_and_name(tmp_path: Path) -> None:
    record = {"step": 7, "best": [3, 0.1 + 0.2], "none": None, "log": LOG}
    path = write_checkpoint(tmp_path, TENSORS, record)
    assert path.name.startswith("ckpt-0000000007-")
    assert write_checkpoint(tmp_path, TENSORS, record) == path, "same state, same name"
    read = read_checkpoint(path)
    assert {k: v for k, v in read.record.items() if k != "format"} == record
    assert all(torch.equal(read.tensors()[name], tensor) for name, tensor in TENSORS.items())


@pytest.mark.parametrize("place", [3, 40, -1])
def test_a_flipped_bit_is_noticed(place: int, tmp_path: Path) -> None:
    good = write_checkpoint(tmp_path, TENSORS, {"step": 1, "best": None, "log": LOG})
    bad = write_checkpoint(tmp_path, TENSORS, {"step": 2, "best": None, "log": LOG})
    content = bytearray(bad.read_bytes())
    content[place] ^= 4
    bad.write_bytes(content)
    assert [found.path for found in sound_checkpoints(tmp_path)] == [good]


def test_newer_format_is_refused(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, TENSORS, {"step": 1, "best": None, "log": LOG, "format": 99})
    with pytest.raises(CheckpointUnusable, match="format 99"):
        read_checkpoint(path)


def test_pruning_keeps_the_best_and_the_last_two(tmp_path: Path) -> None:
    for step in range(1, 7):
        write_checkpoint(tmp_path, TENSORS, {"step": step})
        remove_old_checkpoints(tmp_path, best_step=2 if step >= 2 else None)
    steps = sorted(int(path.name[5:15]) for path in tmp_path.iterdir())
    assert steps == [2, 5, 6]


def test_a_log_is_truncated_when_opened(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = AppendLog(path, 0)
    log.append({"step": 1})
    mark = log.sync()
    log.append({"step": 2})
    log.close()
    again = AppendLog(path, mark["length"])
    assert again.sync() == mark
    again.append({"step": 3})
    again.close()
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 3]


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="no such folder"):
        RunFolder.open(tmp_path / "nowhere")
    with pytest.raises(InputMissing, match="not a run's folder"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize(("channels", "mode"), [(1, 0), (3, 2), (2, 0)])
def test_grid_png(channels: int, mode: int) -> None:
    png = grid_png(torch.rand(10, channels, 30, 20))
    assert png.startswith(b"\x89PNG")
    width, height, depth, color = struct.unpack(">IIBB", png[16:26])
    factor = 448 // 80
    assert (width, height, depth, color) == (4 * 20 * factor, 3 * 30 * factor, 8, mode)
