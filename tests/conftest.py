"""What every test shares: float64 for numbers, small data, a folder of its own."""

from __future__ import annotations

import atexit
import copy
import functools
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from genrun.components.data.digits import Digits
from genrun.config.compose import compose
from genrun.config.groups import conf_folder
from genrun.experiment.build import Built, build

torch.set_num_threads(1)  # the tests run as several processes on few cores


@pytest.fixture
def float64() -> Iterator[None]:
    """Networks, batches and noise in double precision."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENRUN_CACHE", str(tmp_path / "cache"))


def _few_digits() -> Path:
    """IDX files of 56 real digits: 24 to train on, 3 batches of 8 an epoch, and 32 held out."""
    folder = Path(tempfile.mkdtemp(prefix="genrun-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    digits = Digits().load()
    assert digits.labels is not None
    images, labels = digits.images[:56, 0], digits.labels[:56].astype("uint8")
    header = struct.pack(">IIII", 0x803, *images.shape)
    (folder / "train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    header = struct.pack(">II", 0x801, len(labels))
    (folder / "train-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    return folder


SMALL = [
    "data=mnist",
    f"data.root={_few_digits()}",
    "data.batch_size=8",
    "data.held_out=32",
    "metric.sliced_wasserstein.projections=8",
    "steps=12",
    "log_every=4",
    "evaluate_every=6",
    "save_every=4",
    "sample_every=12",
    "runtime.threads=1",
    "runtime.device=cpu",
]

STOPPING_SETTINGS = {  # with which a policy stops in the tests; a new policy may need its own
    "budget": ["stopping.budget.examples=100"],  # reached at step 13, which has no row
    "early": ["stopping.early.min_delta=20", "stopping.early.patience=2"],
    "generalization_loss": ["stopping.generalization_loss.threshold=0.1"],
    "noise_aware": ["stopping.noise_aware.standard_errors=20", "stopping.noise_aware.patience=2"],
    "plateau": ["stopping.plateau.window=4", "stopping.plateau.tolerance=0.2"],
    "progress_quotient": [
        "stopping.progress_quotient.threshold=1e-4",
        "stopping.progress_quotient.strip=2",
    ],
    "pruner": ["stopping.pruner.warmup_steps=8", "stopping.pruner.startup_trials=1"],
    "target": ["stopping.target.value=300"],
    "up_strips": ["stopping.up_strips.strips=1", "stopping.up_strips.strip=1"],
}


def last_wins(words: Sequence[str]) -> list[str]:
    """The words with each key once: the command line refuses a key that is given twice."""
    by_key = {(word if word.startswith("-") else word.partition("=")[0]): word for word in words}
    return list(by_key.values())


def _composed(words: tuple[str, ...]) -> dict[str, Any]:
    """A copy: composing takes a tenth of a second, and many tests compose the same."""
    return copy.deepcopy(_composed_once(words))


@functools.cache
def _composed_once(words: tuple[str, ...]) -> dict[str, Any]:
    return compose([*SMALL, *words]).config


@pytest.fixture
def small() -> Callable[..., Built]:
    """Builds an experiment that trains in milliseconds."""

    def make(*words: str) -> Built:
        config = _composed(words)
        return build(config, config["plugins"])

    return make


def study_of(journal: Path, curves: Sequence[Mapping[int, float]]) -> None:
    """A search's study in which trials with these values by step are complete, and one runs."""
    optuna = pytest.importorskip("optuna")
    from genrun.runs.optuna_journal import create_study, open_study

    create_study(journal)
    study = open_study(journal).study
    for curve in curves:
        study.add_trial(
            optuna.trial.create_trial(value=min(curve.values()), intermediate_values=dict(curve))
        )
    study.ask()


def choices(group: str) -> list[str]:
    """Every choice of a group, by what stands in `conf/`: a new file is a new test."""
    files = (conf_folder() / group).glob("*.yaml")
    return sorted(path.stem for path in files if "_target_:" in path.read_text())
