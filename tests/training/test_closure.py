"""L-BFGS in the training step, and its state in checkpoints, including hostile ones."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from genrun.config.compose import compose
from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.noise import Key, fold_in
from genrun.experiment.build import Built, build
from genrun.training.state import TrainingState
from tests.conftest import SMALL

Make = Callable[..., Built]
LBFGS = ["model=vae", "optimizer=lbfgs", "optimizer.history_size=3"]


@pytest.mark.usefixtures("float64")
def test_the_step_equals_torchs_on_the_same_loss(small: Make) -> None:
    built, other = (small(*LBFGS, "regularization=[batch_norm]") for _ in range(2))
    nets = other.trial.nets
    optimizer = torch.optim.LBFGS(
        list(nets.parameters()), lr=1.0, max_iter=20, history_size=3,
        line_search_fn="strong_wolfe",
    )  # fmt: skip
    for step in (1, 2):
        base = fold_in(fold_in(0, "step", step), "vae", 0)
        losses: list[float] = []

        def closure(step: int = step, base: int = base, losses: list = losses) -> Tensor:
            optimizer.zero_grad()
            with noise.layer_keys(Key(base)):
                batch = other.data.batch(step - 1)
                loss = other.model.loss("vae", nets, batch, Key(base).fold("loss"))[0]
            loss.backward()
            losses.append(loss.item())
            return loss

        optimizer.step(closure)
        outputs = built.step(step)
        assert outputs["vae/loss"].item() == losses[0]
        assert len(losses) > 5
    for ours, theirs in zip(built.trial.nets.parameters(), nets.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    tracked = [b for n, b in built.trial.nets.named_buffers() if n.endswith("num_batches_tracked")]
    assert [int(count) for count in tracked] == [2] * len(tracked), "a batch a step"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=gan"], r"several players \(discriminator, generator\)"),
        (["model=vae", "regularization=gradient_clip"], "changes the gradient of the loss"),
    ],
)
def test_incompatible_settings_are_refused(words: list[str], message: str, small: Make) -> None:
    with pytest.raises(ConfigError, match=message):
        small("optimizer=lbfgs", *words)


@functools.cache
def tiny() -> dict[str, Any]:
    return compose([*SMALL, *LBFGS, "backbone.hidden=[4]", "model.latent_dim=2"]).config


def trial() -> TrainingState:
    return build(copy.deepcopy(tiny()), []).trial


@pytest.fixture(scope="module")
def saved() -> tuple[dict[str, Tensor], dict[str, Any]]:
    built = build(copy.deepcopy(tiny()), [])
    for step in (1, 2):
        built.step(step)
    tensors, record = built.trial.save()
    return {k: t.detach().clone() for k, t in tensors.items()}, json.loads(json.dumps(record))


def restored(tensors: dict[str, Tensor], record: dict[str, Any]) -> TrainingState:
    fresh = trial()
    forms = {path: torch.empty_like(tensor, device="meta") for path, tensor in tensors.items()}
    fresh.check_tensors(forms)
    fresh.restore(tensors, record)
    return fresh


def test_lbfgs_history_survives_a_checkpoint(saved: Any) -> None:
    tensors, record = saved
    lists = [path for path in tensors if path.count("/") == 4]
    assert {path.split("/")[3] for path in lists} == {"old_dirs", "old_stps", "ro", "al"}
    again, rest = restored(tensors, record).save()
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[path], tensors[path]) for path in tensors)
    assert json.loads(json.dumps(rest["optimizers"])) == record["optimizers"]


def renamed(old: str, new: str) -> Callable[[dict[str, Tensor], dict[str, Any]], None]:
    def change(tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        tensors[f"optimizer/vae/{new}"] = tensors.pop(f"optimizer/vae/{old}")

    return change


def value(name: str, given: Any) -> Callable[[dict[str, Tensor], dict[str, Any]], None]:
    def change(tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        record["optimizers"]["vae"]["values"][f"0/{name}"] = given

    return change


def group(name: str, given: Any) -> Callable[[dict[str, Tensor], dict[str, Any]], None]:
    def change(tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        record["optimizers"]["vae"]["groups"][0][name] = given

    return change


def resized(path: str) -> Callable[[dict[str, Tensor], dict[str, Any]], None]:
    def change(tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        tensors[f"optimizer/vae/{path}"] = torch.zeros(7)

    return change


HOSTILE = [
    renamed("0/d", "0/evil"),
    renamed("0/d", "1/d"),
    renamed("0/d", "0/d/0"),
    renamed("0/old_dirs/1", "0/old_dirs/3"),
    renamed("0/old_dirs/1", "0/old_dirs/1000000000"),
    renamed("0/old_dirs/1", "0/old_dirs/-1"),
    renamed("0/old_dirs/1", "0/old_dirs/x"),
    renamed("0/old_dirs/1", "0/old_dirs/1/1"),
    renamed("0/prev_flat_grad", "0/old_dirs"),
    resized("0/d"),
    resized("0/old_stps/0"),
    resized("0/al/0"),
    value("old_dirs", [None]),
    value("old_dirs", []),
    value("old_dirs", 3),
    value("old_dirs", [None, None, None, [1.0]]),
    value("old_dirs", [None] * 4),
    value("al", [None]),
    value("n_iter", "x"),
    value("n_iter", [1]),
    value("t", [0.5]),
    value("../x", 1),
    value("a/b/c", 1),
    group("history_size", 10**9),
    group("max_iter", 10**12),
    group("max_eval", 10**12),
    group("line_search_fn", "evil"),
    group("lr", [1.0]),
    group("tolerance_grad", {}),
]


@pytest.mark.parametrize("change", HOSTILE, ids=lambda change: str(HOSTILE.index(change)))
def test_a_foreign_optimizer_state_is_refused(change: Any, saved: Any) -> None:
    tensors, record = dict(saved[0]), copy.deepcopy(saved[1])
    change(tensors, record)
    with pytest.raises(Exception) as raised:  # noqa: PT011  # `restoring.restore` takes any
        restored(tensors, record)
    assert not isinstance(raised.value, MemoryError | RecursionError)


def test_a_state_after_steps_of_one_iteration_is_accepted() -> None:
    built = build({**tiny(), "optimizer": {**tiny()["optimizer"], "max_iter": 1}}, [])
    for step in (1, 2, 3):
        built.step(step)
    tensors, record = built.trial.save()
    again = build({**tiny(), "optimizer": {**tiny()["optimizer"], "max_iter": 1}}, []).trial
    again.check_tensors(tensors)
    again.restore(tensors, json.loads(json.dumps(record)))
    assert json.loads(json.dumps(again.save()[1])) == json.loads(json.dumps(record))
