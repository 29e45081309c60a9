"""Event files, read back by TensorBoard's own reader."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from genrun.runs.folder import RunFolder
from genrun.terminal.plain import SilentDisplay
from tests.test_resume import prepare

WORDS = ("model=autoencoder", "tracker=tensorboard")
LATE = ("save_every=6", "log_every=1", "evaluate_every=1")


def train(folder: Path, *words: str) -> Path:
    folder.mkdir()
    prepare(*WORDS, *words).train(folder, SilentDisplay())
    return folder


def events(folder: Path) -> Any:
    found = EventAccumulator(
        str(folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0}
    )
    found.Reload()
    return found


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found = events(folder)
    return {
        tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]
    }


def logged(folder: Path) -> dict[str, list[tuple[int, Any]]]:
    """What metrics.jsonl has, in the same form."""
    values: dict[str, list[tuple[int, Any]]] = {}
    for row in RunFolder.open(folder).rows():
        for name, value in row.items():
            values.setdefault(name, []).append((row["step"], pytest.approx(value, rel=1e-6)))
    del values["step"]
    return values


def hparams(found: Any, tag: str) -> HParamsPluginData:
    content = found.summary_metadata[f"_hparams_/{tag}"].plugin_data.content
    return HParamsPluginData.FromString(content)


def test_rows_pictures_and_hyperparameters_are_there(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    best = RunFolder.open(folder).read()["best"]
    found = scalars(folder)
    assert found.pop("best/mse") == [(12, pytest.approx(best["value"]))]
    assert found == logged(folder)
    read = events(folder)
    assert set(read.Tags()["images"]) == {"samples", "samples-reconstructions"}
    for tag in read.Tags()["images"]:
        assert [event.step for event in read.Images(tag)] == [0, 12]
        suffix = tag.removeprefix("samples")
        for event in read.Images(tag):
            png = (folder / "samples" / f"step-{event.step:06d}{suffix}.png").read_bytes()
            assert event.encoded_image_string == png
            assert (event.width, event.height) == Image.open(io.BytesIO(png)).size
            assert event.width >= 28
    chosen = hparams(read, "session_start_info").session_start_info.hparams
    assert chosen["optimizer.lr"].number_value == pytest.approx(0.001)
    assert (
        chosen["model._target_"].string_value == "genrun.components.model.autoencoder.Autoencoder"
    )
    assert not any(key.startswith(("tracker", "plugins")) for key in chosen)
    metrics = hparams(read, "experiment").experiment.metric_infos
    assert [metric.name.tag for metric in metrics] == ["best/mse"]
    assert hparams(read, "session_end_info").session_end_info.status == STATUS_SUCCESS
    assert RunFolder.open(folder).read()["trackers"] == {"tensorboard": "ok"}


def test_a_run_that_diverged_is_no_success(tmp_path: Path) -> None:
    folder = train(tmp_path / "run", "optimizer=sgd", "optimizer.lr=1e30")
    read = events(folder)
    assert hparams(read, "session_end_info").session_end_info.status == STATUS_FAILURE


def test_health_events_are_texts(tmp_path: Path) -> None:
    words = ["health.mode_collapse_spread=100.0", "health.mode_collapse_evaluations=1"]
    folder = train(tmp_path / "run", *words)
    assert RunFolder.open(folder).health()[0]["health"] == "mode_collapse"
    assert "health/mode_collapse/text_summary" in events(folder).Tags()["tensors"]


def test_no_step_is_there_twice_after_a_kill(tmp_path: Path) -> None:
    """Steps 7 to 12 are run twice, as if the run was killed at its end without saving again."""
    folder = tmp_path / "run"
    folder.mkdir()
    first = prepare(*WORDS, *LATE)
    first.train(folder, SilentDisplay(), lambda: first.built.trial.step >= 6)
    shutil.copytree(folder / "checkpoints", tmp_path / "kept")
    run = RunFolder.open(folder)
    prepare(*WORDS, *LATE).resume(run, SilentDisplay())
    assert [step for step, _ in scalars(folder)["held_out/mse"]] == list(range(13))
    whole = (folder / "metrics.jsonl").read_bytes()
    shutil.rmtree(folder / "checkpoints")
    shutil.copytree(tmp_path / "kept", folder / "checkpoints")
    run.update({"status": "running", "reason": "", "compute": None})
    again = prepare(*WORDS, *LATE)
    again.resume(run, SilentDisplay(), lambda: again.built.trial.step >= 8)
    found = scalars(folder)
    assert [step for step, _ in found["held_out/mse"]] == list(range(9))
    del found["best/mse"]
    assert found == logged(folder)
    prepare(*WORDS, *LATE).resume(run, SilentDisplay())
    found = scalars(folder)
    del found["best/mse"]
    assert (folder / "metrics.jsonl").read_bytes() == whole
    assert found == logged(folder)


def test_a_run_killed_before_its_first_checkpoint_starts_again(tmp_path: Path) -> None:
    folder = train(tmp_path / "run", *LATE)
    shutil.rmtree(folder / "checkpoints")
    (folder / "metrics.jsonl").write_bytes(b"")
    content = json.loads((folder / "run.json").read_text())
    del content["compute"], content["step"], content["best"]
    (folder / "run.json").write_text(json.dumps(content | {"status": "running", "reason": ""}))
    prepare(*WORDS, *LATE).resume(RunFolder.open(folder), SilentDisplay())
    assert [step for step, _ in scalars(folder)["held_out/mse"]] == list(range(13))
