"""On the real digits, with the defaults, each model reaches the documented values."""

from pathlib import Path

import pytest

import genrun

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_vae_reaches_114_nats_in_20_epochs() -> None:
    run = genrun.train(["model=vae", "epochs=20", "runtime.threads=1"], quiet=True)
    assert run.info["best"]["value"] < 114
    bound = run.metrics["held_out/importance_weighted_bound"][-1]
    assert bound < run.metrics["held_out/negative_elbo"][-1]


def test_autoencoder_reaches_0_006_in_10_epochs() -> None:
    run = genrun.train(["model=autoencoder", "epochs=10", "runtime.threads=1"], quiet=True)
    assert run.info["best"]["value"] < 0.006


def test_gan_reaches_a_third_of_its_initial_distance() -> None:
    run = genrun.train(["model=gan", "steps=1500", "runtime.threads=1"], quiet=True)
    distances = run.metrics["held_out/sliced_wasserstein"]
    assert run.info["best"]["value"] < distances[0] / 3


def test_early_stopping_keeps_the_best() -> None:
    words = ["model=autoencoder", "optimizer=sgd", "optimizer.lr=0.0", "stopping=early"]
    few = ["stopping.early.patience=3", "evaluate_every=10", "runtime.threads=1"]
    run = genrun.train([*words, *few], quiet=True)
    assert run.status == "stopped_early"
    assert run.info["best"]["step"] == 0
    assert run.info["step"] == 30
    assert any(path.name.startswith("ckpt-0000000000-") for path in
               (run.path / "checkpoints").iterdir())  # fmt: skip
