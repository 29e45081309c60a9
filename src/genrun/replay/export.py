"""Writes a replay to a file: a picture, or JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from genrun.runs.files import check_output_path, write_atomic
from genrun.runs.untrusted_json import parse_json

if TYPE_CHECKING:
    from genrun.replay.replay import Replay

FIRST_BYTES = {".png": b"\x89PNG\r\n", ".svg": b"<?xml", ".json": b"{"}
LARGEST = 1 << 28  # bytes of a file that may be replaced


def check_replay_path(path: Path) -> None:
    """Checks that a replay may be written to this path: a new file, or an earlier replay.

    Raises `ConfigError` if the suffix is unknown, and `CannotCreate` if the path is unusable.
    """
    check_output_path(path, list(FIRST_BYTES), _is_replaceable, f"{path.suffix[1:]} of a replay")


def write_replay(path: Path, replay: Replay) -> None:
    """Writes a picture or JSON, as the suffix says. Raises `OutputFailed` if that fails."""
    if path.suffix == ".json":
        content = (json.dumps(replay.as_json(), indent=2, allow_nan=False) + "\n").encode()
    else:
        from genrun.replay.plot import draw

        content = draw(replay, path.suffix[1:])
    write_atomic(path, content)


def _is_replaceable(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size > LARGEST:
        return False
    content = path.read_bytes()
    if path.suffix != ".json":
        return content.startswith(FIRST_BYTES[path.suffix])
    try:
        found = parse_json(content)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("kind") == "replay"
