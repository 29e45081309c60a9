"""What run.json says, read once for each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnusable
from genrun.results.record import RunRecord
from genrun.runs.folder import RunFolder

Infos = Mapping[Path, Mapping[str, Any]]


def read_run_infos(records: Sequence[RunRecord]) -> Infos:
    """By the run's folder; of one that has not begun, nothing."""
    return {run.folder: _read(RunFolder(run.folder)) for run in records}


def _read(folder: RunFolder) -> Mapping[str, Any]:
    try:
        return folder.read() if folder.has_run_json() else {}
    except CheckpointUnusable:
        return {}
