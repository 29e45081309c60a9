"""A replay as a file: a picture, or JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from genrun.runs.files import check_output_path, write_atomic
from genrun.runs.untrusted_json import parse_json

if TYPE_CHECKING:
    from genrun.replay.replay import Replay

BEGINNINGS = {".png": b"\x89PNG\r\n", ".svg": b"<?xml", ".json": b"{"}
LARGEST = 1 << 28


def check_out(path: Path) -> None:
    """Whether a replay may be written there: a new file, or one of its own kind.

    Raises `ConfigError`, `CannotCreate`.
    """
    check_output_path(path, list(BEGINNINGS), _replaceable, f"{path.suffix[1:]} of a replay")


def write_out(path: Path, replay: Replay) -> None:
    """Raises `OutputFailed`."""
    if path.suffix == ".json":
        content = (json.dumps(replay.as_json(), indent=2, allow_nan=False) + "\n").encode()
    else:
        from genrun.replay.plot import draw

        content = draw(replay, path.suffix[1:])
    write_atomic(path, content)


def _replaceable(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size > LARGEST:
        return False
    content = path.read_bytes()
    if path.suffix != ".json":
        return content.startswith(BEGINNINGS[path.suffix])
    try:
        found = parse_json(content)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("kind") == "replay"
