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

STEPS = 5  # over the edge of an epoch of 3 batches
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
class Given:
    """What a run was given, as bytes."""

    networks: dict[str, bytes] = field(default_factory=dict)  # of the checkpoint of step 0
    batches: list[bytes] = field(default_factory=list)
    noise: list[bytes] = field(default_factory=list)
    first_row: dict[str, Any] = field(default_factory=dict)


def keep(kept: list[bytes], call: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def kept_call(*arguments: Any, **named: Any) -> Tensor:
        tensor = call(*arguments, **named)
        kept.append(tensor.numpy().tobytes())
        return tensor

    return kept_call


def given(folder: Path, patch: pytest.MonkeyPatch, *words: str) -> Given:
    folder.mkdir()
    seen = Given()
    last = last_wins([*SMALL, f"steps={STEPS}", "evaluate_every=100", "save_every=100", *words])
    composed = compose(last)
    with patch.context() as patched:
        patched.setattr(Batches, "batch", keep(seen.batches, Batches.batch))
        for name in ("normal", "uniform"):
            patched.setattr(noise, name, keep(seen.noise, getattr(noise, name)))
        experiment = Experiment.prepare(composed.config, composed.choices, composed.overrides)
        experiment.train(folder, SilentDisplay())
    (start,) = (folder / "checkpoints").glob("ckpt-0000000000-*")
    tensors = read_checkpoint(start).tensors("networks/")
    seen.networks = {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
    row = RunFolder(folder).rows()[0]
    assert row["step"] == 0
    seen.first_row = {name: value for name, value in row.items() if not name.endswith("/lr")}
    return seen


@pytest.mark.parametrize("model", MODELS, ids=lambda words: words[0])
def test_a_seed_gives_all_contestants_the_same(
    model: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = given(tmp_path / "first", monkeypatch, *model)
    assert len(first.networks) >= 4
    assert len(set(first.batches)) >= STEPS
    assert len(set(first.noise)) >= STEPS
    assert any(name.startswith("held_out/") for name in first.first_row)
    for number, words in enumerate(OTHERS):
        other = given(tmp_path / str(number), monkeypatch, *model, *words)
        assert other == first, words


@pytest.mark.parametrize("model", MODELS, ids=lambda words: words[0])
def test_another_seed_gives_other_things(
    model: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = given(tmp_path / "first", monkeypatch, *model)
    other = given(tmp_path / "other", monkeypatch, *model, "seed=1")
    assert other.networks.keys() == first.networks.keys()
    weights = [name for name in first.networks if name.endswith("weight")]
    assert any(other.networks[name] != first.networks[name] for name in weights)
    assert not set(other.batches) & set(first.batches)
    assert other.noise != first.noise
    assert other.first_row != first.first_row
