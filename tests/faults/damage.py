"""Checkpoints and logs that are damaged while a run is interrupted."""

from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

from tests.faults.harness import Harness, Tally

STOP = 9  # by then the checkpoints of steps 6, 8 and 9 and perhaps an older best one are there
Change = Callable[[bytes, random.Random], bytes]


def _flip(content: bytes, low: int, high: int, chance: random.Random) -> bytes:
    place = chance.randrange(low, max(low + 1, min(high, len(content))))
    changed = bytearray(content)
    changed[place] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _header_end(content: bytes) -> int:
    return 8 + int(struct.unpack("<Q", content[:8])[0])


def _replace(content: bytes, chance: random.Random, with_zeros: bool) -> bytes:
    begin = chance.randrange(len(content))
    length = chance.randrange(1, 200)
    piece = bytes(length) if with_zeros else chance.randbytes(length)
    changed = content[:begin] + piece + content[begin + length :]
    return changed if changed != content else _flip(content, 0, len(content), chance)


CHECKPOINT: dict[str, Change] = {
    "header length": lambda c, r: _flip(c, 0, 8, r),
    "header": lambda c, r: _flip(c, 8, _header_end(c), r),
    "tensors": lambda c, r: _flip(c, _header_end(c), len(c), r),
    "truncated": lambda c, r: c[: r.randrange(len(c))],
    "zeros": lambda c, r: _replace(c, r, with_zeros=True),
    "garbage": lambda c, r: _replace(c, r, with_zeros=False),
    "appended": lambda c, r: c + r.randbytes(r.randrange(1, 100)),
    "all garbage": lambda c, r: r.randbytes(len(c)),
    "empty": lambda c, r: b"",
}
LOG: dict[str, Change] = {
    "log cut": lambda c, r: c[: r.randrange(len(c))],
    "log flipped": lambda c, r: _flip(c, 0, len(c), r),
    "log torn": lambda c, r: c + b'{"step": 9, "vae/lo',
    "log appended": lambda c, r: c + b'{"step": 10, "vae/loss": 1.0}\n',
}


def corruptions(harness: Harness, count: int, chance: random.Random) -> Tally:
    """Damages the newest checkpoint, several of them, or the log; then resumes the run."""
    tally = Tally("corrupted checkpoint or log")
    template = harness.part(harness.folder(), STOP)
    kinds = [*CHECKPOINT, "deleted", *LOG]
    for number in range(count):
        kind = kinds[number % len(kinds)]
        folder = harness.copy(template)
        if kind in LOG:
            _damage(folder / "metrics.jsonl", LOG[kind], chance)
        else:
            newest = sorted((folder / "checkpoints").glob("ckpt-*"), reverse=True)
            for path in newest[: 1 + chance.randrange(len(newest))]:
                if kind == "deleted":
                    path.unlink()
                else:
                    _damage(path, CHECKPOINT[kind], chance)
        _judge(harness, tally, folder)
    return tally


def _damage(path: Path, change: Change, chance: random.Random) -> None:
    path.write_bytes(change(path.read_bytes(), chance))


def _judge(harness: Harness, tally: Tally, folder: Path) -> None:
    """An older checkpoint gives the same result; without any, resuming ends with exit code 76."""
    tally.tried += 1
    none_left = not any((folder / "checkpoints").glob("ckpt-*"))  # all deleted
    log = (folder / "metrics.jsonl").read_bytes()
    code = harness.train(folder)
    if code == 76:
        unchanged = (folder / "metrics.jsonl").read_bytes() == log
        kept = any((folder / "checkpoints").glob("*ckpt-*"))
        good = unchanged and (kept or none_left)
        tally.refused += good
        tally.lost += not good
        shutil.rmtree(folder)
        return
    same = code == 0 and not none_left and harness.ends_as_if_left_alone(folder)
    tally.survived += same
    tally.lost += not same
