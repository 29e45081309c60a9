"""The short version of `make faults`, and tests of its parts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LEAST = {"kill": 100, "corrupted": 60, "mutated": 300, "SIGINT": 30, "64": 64, "holder": 20}
LEAST_DISK = 30


@pytest.mark.slow
def test_nothing_is_lost(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.faults", "short", f"out={tmp_path / 'faults.json'}"]
    done = subprocess.run(
        words, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "faults.json").read_text())
    assert all(row["lost"] == 0 for row in rows)
    for name, least in LEAST.items():
        assert sum(row["tried"] for row in rows if row["fault"].startswith(name)) >= least
    disk = ("ENOSPC", "file size", "disk full")
    assert sum(row["tried"] for row in rows if row["fault"].startswith(disk)) >= LEAST_DISK
