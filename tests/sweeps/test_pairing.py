"""The same seed gives every optimizer the same first weights, the same batches and noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from genrun.components.data._dataset import Batches
from genrun.config.compose import compose
from genrun.core import noise
from genrun.experiment.experiment import Experiment
from genrun.runs.checkpoint import read_checkpoint
from genrun.runs.folder import RunFolder
from genrun.terminal.plain import SilentDisplay
from tests.conftest import SMALL, last_wins

STEPS = 5  # more than an epoch of 3 batches
MODELS = [
    ["model=vae", "regularization=[dropout,batch_norm]"],
    ["model=gan", "model.discriminator_turns=2"],
    ["model=autoencoder", "regularization=dropout"],
]
OTHERS = [
    ["optimizer=sgd"],
    ["optimizer=rmsprop", "optimizer.lr=0.01"],
    ["optimizer=adafactor"],
    ["optimizer.lr=1e-6"],
    ["schedule=cosine", "schedule.warmup_steps=3"],
    ["schedule=plateau", "stopping=early"],
]


@dataclass
class RunInputs:
    """The initial weights, batches and noise of a run, as bytes."""

    networks: dict[str, bytes] = field(default_factory=dict)  # of the checkpoint of step 0
    batches: list[bytes] = field(default_factory=list)
    noise: list[bytes] = field(default_factory=list)
    first_row: dict[str, Any] = field(default_factory=dict)


def record(recorded: list[bytes], call: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def recording_call(*arguments: Any, **named: Any) -> Tensor:
        tensor = call(*arguments, **named)
        recorded.append(tensor.numpy().tobytes())
        return tensor

    return recording_call


def record_inputs(folder: Path, patch: pytest.MonkeyPatch, *words: str) -> RunInputs:
    folder.mkdir()
    inputs = RunInputs()
    last = last_wins([*SMALL, f"steps={STEPS}", "evaluate_every=100", "save_every=100", *words])
    composed = compose(last)
    with patch.context() as patched:
        patched.setattr(Batches, "batch", record(inputs.batches, Batches.batch))
        for name in ("normal", "uniform"):
            patched.setattr(noise, name, record(inputs.noise, getattr(noise, name)))
        experiment = Experiment.prepare(composed.config, composed.choices, composed.overrides)
        experiment.train(folder, SilentDisplay())
    (start,) = (folder / "checkpoints").glob("ckpt-0000000000-*")
    tensors = read_checkpoint(start).tensors("networks/")
    inputs.networks = {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
    row = RunFolder(folder).rows()[0]
    assert row["step"] == 0
    inputs.first_row = {name: value for name, value in row.items() if not name.endswith("/lr")}
    return inputs


@pytest.mark.parametrize("model", MODELS, ids=lambda words: words[0])
def test_a_seed_gives_all_contestants_the_same_inputs(
    model: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = record_inputs(tmp_path / "first", monkeypatch, *model)
    assert len(first.networks) >= 4
    assert len(set(first.batches)) >= STEPS
    assert len(set(first.noise)) >= STEPS
    assert any(name.startswith("held_out/") for name in first.first_row)
    for number, words in enumerate(OTHERS):
        other = record_inputs(tmp_path / str(number), monkeypatch, *model, *words)
        assert other == first, words


@pytest.mark.parametrize("model", MODELS, ids=lambda words: words[0])
def test_another_seed_changes_all_inputs(
    model: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = record_inputs(tmp_path / "first", monkeypatch, *model)
    other = record_inputs(tmp_path / "other", monkeypatch, *model, "seed=1")
    assert other.networks.keys() == first.networks.keys()
    weights = [name for name in first.networks if name.endswith("weight")]
    assert any(other.networks[name] != first.networks[name] for name in weights)
    assert not set(other.batches) & set(first.batches)
    assert other.noise != first.noise
    assert other.first_row != first.first_row
