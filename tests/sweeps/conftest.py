from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with the plugin, and a model choice that uses it."""
    shutil.copyfile(Path(__file__).parent / "breaking.py", tmp_path / "breaking.py")
    choice = tmp_path / "own" / "model" / "breaking.yaml"
    choice.parent.mkdir(parents=True)
    choice.write_text("_target_: breaking.Breaking\nlatent_dim: 4\nhow: none\nat: 3\n")
    return tmp_path
