"""Every run's run.json, read once for all sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genrun.core.errors import CheckpointUnusable
from genrun.results.record import RunRecord
from genrun.runs.folder import RunFolder

RunInfos = Mapping[Path, Mapping[str, Any]]  # by the run's folder


def read_run_infos(records: Sequence[RunRecord]) -> RunInfos:
    """Returns run.json's content by folder, empty for a run that has not started."""
    return {run.folder: _read(RunFolder(run.folder)) for run in records}


def _read(folder: RunFolder) -> Mapping[str, Any]:
    try:
        return folder.read() if folder.has_run_json() else {}
    except CheckpointUnusable:
        return {}
