"""What the audit finds, including optimizers that move less than they claim."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from genrun.config.compose import compose
from genrun.core.errors import ConfigError
from genrun.experiment.build import Built, build
from genrun.training.optimizers.audit import MovedParameters, audit_optimizer, preserve_gradients
from tests.conftest import SMALL

Make = Callable[..., Built]

PLUGIN = '''
import torch

class Lazy(torch.optim.SGD):
    """Moves matrices only, whichever parameters it receives."""
    def __init__(self, params, lr):
        super().__init__([p for p in params if p.ndim > 1], lr=lr)

class Idle(torch.optim.SGD):
    """Has every parameter in its groups and does not move the first."""
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
    def step(self, closure=None):
        self.param_groups[0]["params"][0].grad = None
        return super().step(closure)

class Broken(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
    def step(self, closure=None):
        raise RuntimeError("no kernel")
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_optimizers.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "conf" / "optimizer"
    folder.mkdir(parents=True)
    for name in ("Lazy", "Idle", "Broken"):
        text = f"_target_: own_optimizers.{name}\nlr: 0.1\n"
        (folder / f"{name.lower()}.yaml").write_text(text)
    return str(folder.parent)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lazy", r"Lazy does not move encoder/0\.linear\.bias of vae \(4 of 8"),
        ("idle", r"Idle does not move encoder/0\.linear\.weight of vae \(1 of 8"),
        ("broken", r"Broken of vae fails in a first step \(no kernel\)"),
    ],
)
def test_a_parameter_that_nothing_moves_is_an_error(name: str, message: str, plugin: str) -> None:
    words = [*SMALL, "model=vae", f"optimizer={name}", "plugins=[own_optimizers]"]
    config = compose(words, plugin).config
    with pytest.raises(ConfigError, match=message):
        build(config, config["plugins"])


def test_the_audit_counts_real_sizes(small: Make) -> None:
    built = small("model=gan", "optimizer=muon", "backbone.hidden=[32,16]")
    # generator 100-16-32-784, discriminator 784-32-16-1: the matrix in the middle is Muon's
    rest = 16 * 100 + 784 * 32 + 16 + 32 + 784
    assert built.moved["generator"] == [
        MovedParameters("Muon", 1, 512),
        MovedParameters("AdamW", 5, rest),
    ]
    rest = 784 * 32 + 16 + 32 + 16 + 1
    assert built.moved["discriminator"] == [
        MovedParameters("Muon", 1, 512),
        MovedParameters("AdamW", 5, rest),
    ]
    assert {
        player: sum(m.parameters for m in moved) for player, moved in built.moved.items()
    } == built.parameter_counts()


def test_the_audit_changes_nothing() -> None:
    parameters = [nn.Parameter(torch.randn(4, 5)), nn.Parameter(torch.zeros(5))]
    before = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.LBFGS(parameters)
    found = audit_optimizer(optimizer, parameters)
    assert (found.moved, found.unmoved) == ([MovedParameters("LBFGS", 2, 25)], [])
    assert all(torch.equal(p, b) for p, b in zip(parameters, before, strict=True))
    assert all(p.grad is None for p in parameters)
    assert not optimizer.state


def test_a_learning_rate_near_zero_is_not_an_unmoved_parameter() -> None:
    for rate in (0.0, 1e-12):
        parameter = nn.Parameter(torch.ones(3, 3))
        assert audit_optimizer(torch.optim.Adam([parameter], lr=rate), [parameter]).unmoved == []


def test_the_logged_gradient_norm_is_that_of_the_loss(small: Make) -> None:
    """Schedule-free AdamW overwrites the gradient."""
    words = ["model=vae", "optimizer.weight_decay=0.1"]
    built = small("optimizer=schedule_free_adamw", *words)
    plain = small("optimizer=adam", *words)
    for one in (built, plain):
        one.step(1)
    assert built.trial.gradient_norm_meter.compute(1) == plain.trial.gradient_norm_meter.compute(1)


def test_preserving_gradients_changes_no_step() -> None:
    schedulefree = pytest.importorskip("schedulefree")
    results = []
    for keep in (False, True):
        parameter = nn.Parameter(torch.linspace(-1, 1, 6))
        optimizer = schedulefree.AdamWScheduleFree([parameter], lr=0.1)
        optimizer.train()
        assert audit_optimizer(optimizer, [parameter]).changes_gradients
        if keep:
            preserve_gradients(optimizer)
        for _ in range(3):
            parameter.grad = parameter.detach().clone()
            given = parameter.grad.clone()
            optimizer.step()
            assert torch.equal(parameter.grad, given) == keep
        results.append(parameter.detach().clone())
    assert torch.equal(*results)
