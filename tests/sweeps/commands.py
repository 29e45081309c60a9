"""Runs sweeps with the real command, and reads their results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.conftest import SMALL

SHORT = [*SMALL, "backbone.hidden=[16]", "metric.sliced_wasserstein.projections=2"]
PLUGIN = ["--config-dir", "own", "model=breaking", "plugins=[breaking]", "hydra.sweep.dir=swept"]


def start(words: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "genrun", *words],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def command(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    process = start(words, folder)
    output, errors = process.communicate(timeout=300)
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


def rows(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "swept" / "summary.json").read_text())[
        "jobs"
    ]
    return found


def processes_of(folder: Path) -> list[str]:
    """Returns the command lines of the processes that run in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve() == folder.resolve():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
