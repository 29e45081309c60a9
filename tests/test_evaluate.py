"""`genrun evaluate` and monitor=NAME, by the real command."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from genrun.api import Run, train
from genrun.cli import run as command
from genrun.core.errors import ConfigError
from tests.conftest import SMALL, last_wins

FEW = ["samples=32", "resamples=5", "neighbours=8", "likelihood_images=10", "importance_samples=4"]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(*words: str) -> Run:
    return train(last_wins([*SMALL, *words]), quiet=True)


def evaluated(run: Run, *words: str) -> dict[str, object]:
    assert command(["evaluate", str(run.path), *last_wins([*FEW, *words])]) == 0
    content: dict[str, object] = json.loads((run.path / "evaluation.json").read_text())
    return content


def test_evaluate_measures_a_vae_and_writes_it(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained("model=vae")
    found = evaluated(run)
    shown = capsys.readouterr().out
    own = ["frechet", "kernel_distance", "precision", "recall", "density", "coverage"]
    assert list(found["metrics"]) == [*own, "sliced_wasserstein"]
    for name, one in found["metrics"].items():
        assert name in shown
        assert one["samples"] == 32
        assert one["held_out"] == 32
        reference = one["training_images"]
        assert reference["samples"] == 24, "all training images of an epoch's batches"
        assert (reference["value"] is None) == (name == "sliced_wasserstein"), "it wants 32"
        if name in own:
            assert one["low"] <= one["value"] <= one["high"]
            assert one["features"] == "pixels"
    frechet = found["metrics"]["frechet"]
    assert frechet["training_images"]["value"] < frechet["value"], "this model learned nothing"
    assert found["likelihood"]["images"] == 10
    assert found["active_units"]["of"] == 20
    assert found["memorization"]["held_out_copied"] == 0
    assert "Bernoulli" in shown
    assert str(run.path / "evaluation.json") in shown
    assert (run.path / "samples" / "nearest-training-images.png").is_file()
    again = evaluated(run)
    assert {**again, "evaluated": ""} == {**found, "evaluated": ""}, "a function of its words"
    assert evaluated(run, "seed=1")["metrics"] != found["metrics"]


def test_evaluate_accepts_choices_and_omits_the_rest(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genrun.components.features._classifier_network.STEPS", 5)
    run = trained("model=conditional_gan")
    words = ["metric=[kernel_distance]", "features=classifier", "weights=last", "neighbours=0"]
    found = evaluated(run, *words)
    assert list(found["metrics"]) == ["kernel_distance"]
    assert found["metrics"]["kernel_distance"]["features"].startswith("classifier ")
    assert found["weights"] == "last"
    assert "memorization" not in found
    assert found["likelihood"] is None
    assert "active_units" not in found
    assert run.evaluate(["kernel_distance"], samples=16, resamples=3, neighbours=0)["seed"] == 0


def test_points_are_measured_with_their_modes_and_the_flows_density(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for word in SMALL if not word.startswith(("data", "metric"))]
    words += ["data=ring", "data.count=80", "data.held_out=32", "data.batch_size=8"]
    run = train([*words, "model=flow_matching", "metric=[sliced_wasserstein]"], quiet=True)
    found = evaluated(run)
    assert {"modes_missing", "frechet", "sliced_wasserstein"} <= set(found["metrics"])
    assert found["memorization"]["held_out_copied"] == 0, "they were drawn alike, not copied"
    assert found["metrics"]["modes_found"]["higher_is_better"]
    assert found["metrics"]["modes_missing"]["training_images"]["value"] == 0
    assert list(found["likelihood"]["values"]) == ["probability_flow_ode"]
    assert "own coordinates" in capsys.readouterr().out
    assert (run.path / "samples" / "nearest-training-images.png").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["metric=[frechett]"], "metric=frechett: must be one of"),
        (["features=pixel"], "features=pixel: must be one of"),
        (["samples=1"], "samples=1: must be an integer of at least 2"),
        (["samples=1000000000"], "samples=1000000000: must be at most 100000"),
        (["weights=worst"], "weights=worst: must be best or last"),
        (["sample=10"], "sample: evaluate takes"),
        (["device=gpu"], "runtime.device=gpu: must be auto, cpu"),
        (["features=inception"], "features=inception needs a file of weights"),
        (["features=inception", "path=nothing"], "features.path=nothing: there is no such file"),
        (["path=x"], "path=x: these features use no file"),
    ],
)
def test_wrong_arguments_are_one_line_and_write_nothing(
    words: Sequence[str], said: str, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained("model=autoencoder")
    assert command(["evaluate", str(run.path), *last_wins([*FEW, *words])]) in (2, 66)
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (run.path / "evaluation.json").exists()


def test_changed_data_are_refused(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained("model=autoencoder")
    path = run.path / "run.json"
    content = json.loads(path.read_text())
    content["data"]["digest"] = "0" * 64
    path.write_text(json.dumps(content))
    assert command(["evaluate", str(run.path), *FEW]) == 76
    assert "the data changed" in capsys.readouterr().err


def test_an_untrusted_run_executes_no_code(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained("model=autoencoder")
    path = run.path / "config.yaml"
    for group, target in (("metric.sliced_wasserstein", "os.system"), ("features", "os.system")):
        config = OmegaConf.load(path)
        OmegaConf.update(config, f"{group}._target_", target)
        OmegaConf.save(config, path)
        assert command(["evaluate", str(run.path), *FEW]) in (2, 76)
        assert "_target_=os.system" in capsys.readouterr().err


def test_a_runs_folder_describes_its_metrics(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["metric=[sliced_wasserstein,frechet]", "metric.frechet.samples=20"]
    run = trained("model=vae", *words)
    assert run.info["comparison"]["features"] == "pixels"
    assert run.info["comparison"]["metrics"]["frechet"] == {
        "samples": 20, "held_out": 32, "features": True,
    }  # fmt: skip
    row = {name: values[-1] for name, values in run.metrics.items()}
    value = row["held_out/frechet"]
    assert row["held_out/frechet_low"] <= value <= row["held_out/frechet_high"]
    assert command(["show", str(run.path)]) == 0
    shown = capsys.readouterr().out
    assert "frechet of 20 samples and 32 held-out images in pixels" in shown
    assert "frechet_low" not in shown
    line = next(line for line in shown.splitlines() if line.startswith("held_out/frechet "))
    last, low, high = map(float, re.findall(r"([\d.]+) \[([\d.]+), ([\d.]+)\]", line)[1])
    assert last == pytest.approx(value, rel=0.05)
    assert low <= last <= high


def test_best_stopping_and_schedules_follow_the_monitor(work: Path) -> None:
    run = trained(
        "model=vae", "metric=[sliced_wasserstein]", "monitor=sliced_wasserstein",
        "stopping=early", "schedule=plateau", "evaluate_every=3",
    )  # fmt: skip
    values = run.metrics["held_out/sliced_wasserstein"]
    assert run.info["monitor"] == "sliced_wasserstein"
    assert run.info["best"]["value"] == np.nanmin(values)
    assert run.status == "finished"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["monitor=frechet"], "monitor=frechet: is never measured"),
        (["monitor=recall", "metric=[sliced_wasserstein,precision_recall]"], "lower is better"),
        (["metric=[sliced_wasserstein,frechet]", "metric.frechet.samples=1"], "from 2 to 100000"),
        (
            [
                "metric=[sliced_wasserstein,density_coverage]",
                "metric.density_coverage.neighbours=40",
            ],
            "data.held_out=32: must be at least 41 for metric=density_coverage",
        ),
    ],
)  # fmt: skip
def test_an_unmeasurable_metric_is_refused_before_anything_is_created(
    words: Sequence[str], said: str, work: Path
) -> None:
    with pytest.raises(ConfigError, match=said):
        trained("model=vae", *words)
    assert not (work / "outputs").exists()
