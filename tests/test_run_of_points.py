"""Runs on points in the plane: training, pictures and sampled arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import genrun
from genrun.cli import run
from tests.conftest import SMALL

WORDS = [
    *(word for word in SMALL if not word.startswith("data")),
    "data=ring", "data.count=400", "data.held_out=100", "data.batch_size=50",
    "model=autoencoder", "model.latent_dim=2", "metric=[sliced_wasserstein,modes]",
]  # fmt: skip


def test_a_run_of_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*WORDS, "hydra.run.dir=ring"]) == 0
    assert "ring, 300 train, 100 held out, 8 classes" in capsys.readouterr().out
    trained = genrun.Run.open("ring")
    found, missing = (trained.metrics[f"held_out/modes_{what}"] for what in ("found", "missing"))
    assert (found + missing)[[0, -1]].tolist() == [8, 8]
    names = {path.name for path in (tmp_path / "ring" / "samples").iterdir()}
    assert names >= {"step-000012.png", "step-000012-reconstructions.png"}
    sizes = {Image.open(tmp_path / "ring" / "samples" / name).size for name in names}
    assert len(sizes) == 1, "the same axes always"

    points = trained.sample(count=30, seed=4)
    assert points.shape == (30, 2)
    assert points.abs().max() < 2.66
    assert points.min() < -0.1, "in the data's own coordinates, not in [0, 1]"
    assert run(["sample", "ring", "count=30", "seed=4", "out=points.npz"]) == 0
    with np.load("points.npz") as arrays:
        assert arrays.files == ["points"]
        assert np.array_equal(arrays["points"], points)
    assert run(["sample", "ring"]) == 0
    assert (tmp_path / "ring" / "samples" / "sample-best-2000-seed-0.png").is_file()
    capsys.readouterr()
    assert run(["show", "ring"]) == 0
    assert "8 classes" in capsys.readouterr().out


def test_a_run_of_points_resumes_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*WORDS, "hydra.run.dir=whole"]) == 0
    monkeypatch.setattr("genrun.training.loop.Loop._is_best", lambda loop: False)
    half = [word for word in WORDS if not word.startswith("steps")]
    assert run([*half, "steps=8", "hydra.run.dir=half"]) == 0
    assert run(["resume", "half", "steps=12"]) == 0
    rows = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("whole", "half")]
    assert rows[0].splitlines()[-1] == rows[1].splitlines()[-1]
