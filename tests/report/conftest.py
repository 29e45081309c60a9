"""A sweep that never ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.made_up import write_sweep


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sweep(tmp_path_factory.mktemp("made") / "sweep")
