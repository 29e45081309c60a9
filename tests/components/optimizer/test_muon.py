"""Muon's partition_parameters against torch's own classes on the same tensors, in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from genrun.components.optimizer._parameter_groups import classify_parameters
from genrun.config.compose import compose
from genrun.core.errors import ConfigError
from genrun.experiment.build import Built
from genrun.experiment.optimizers import build_optimizer, build_schedule

Make = Callable[..., Built]
pytestmark = pytest.mark.usefixtures("float64")


def network() -> nn.Module:
    return nn.Sequential(
        nn.Embedding(5, 6), nn.Conv2d(2, 3, 3), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4),
        nn.Linear(4, 6), nn.Linear(6, 2),
    )  # fmt: skip


def settings(*words: str) -> dict:
    return compose(["optimizer=muon", "optimizer.fused=false", *words]).config["optimizer"]


def muon(net: nn.Module, *words: str) -> torch.optim.Optimizer:
    return build_optimizer(settings(*words), list(net.parameters()), [], {"net": net})


def set_gradients(parameters: list[nn.Parameter], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=generator)


@pytest.mark.parametrize("words", [[], ["optimizer.adjust_lr_fn=original"]])
def test_it_is_torchs_muon_on_matrices_and_adamw_on_the_rest(words: list[str]) -> None:
    torch.manual_seed(0)
    net = network()
    initial = [p.detach().clone() for p in net.parameters()]
    ours = muon(net, "optimizer.lr=0.02", "optimizer.adamw_lr=0.003", *words)

    theirs = [nn.Parameter(p) for p in initial]
    hidden = [3, 7]  # the second convolution's kernel, the first linear map's weight
    assert [theirs[i].shape for i in hidden] == [(4, 3, 3, 3), (6, 4)]
    matrices = [nn.Parameter(theirs[i].detach().flatten(1)) for i in hidden]
    rest = [p for i, p in enumerate(theirs) if i not in hidden]
    adjust = "original" if words else "match_rms_adamw"
    references = (
        torch.optim.Muon(matrices, lr=0.02, weight_decay=0.01, adjust_lr_fn=adjust),
        torch.optim.AdamW(rest, lr=0.003, weight_decay=0.01, fused=False),
    )
    for step in range(4):
        set_gradients(list(net.parameters()), step)
        set_gradients(theirs, step)
        for place, matrix in zip(hidden, matrices, strict=True):
            matrix.grad = theirs[place].grad.flatten(1)
        ours.step()
        for reference in references:
            reference.step()
    for place, matrix in zip(hidden, matrices, strict=True):
        theirs[place] = matrix.view(initial[place].shape)
    for parameter, reference in zip(net.parameters(), theirs, strict=True):
        torch.testing.assert_close(parameter, reference, rtol=1e-12, atol=1e-14)


def test_a_schedule_scales_both_parts() -> None:
    optimizer = muon(network(), "optimizer.lr=0.02", "optimizer.adamw_lr=0.004")
    config = compose(["schedule=step", "schedule.step_size=1", "schedule.warmup_steps=4"]).config
    schedule = build_schedule({**config["schedule"], "gamma": 0.5}, optimizer, 10, [])
    rates = []
    for _ in range(6):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    shares = [0.25, 0.5, 0.75, 1.0, 1.0, 0.5]
    torch.testing.assert_close(torch.tensor(rates), torch.tensor([[0.02, 0.004]]) * torch.tensor(
        shares)[:, None])  # fmt: skip


def test_the_rate_of_a_group_is_the_rate_of_its_rule() -> None:
    net = network()
    optimizer = muon(net, "optimizer.weight_decay=0.0")
    before = [p.detach().clone() for p in net.parameters()]
    set_gradients(list(net.parameters()), 0)
    optimizer.param_groups[0]["lr"] = 0.0
    optimizer.step()
    still = [torch.equal(p, b) for p, b in zip(net.parameters(), before, strict=True)]
    assert [i for i, same in enumerate(still) if same] == [3, 7]


def test_kinds() -> None:
    net = network()
    kinds = classify_parameters({"net": net, "short": nn.Linear(3, 3)})
    by_name = {name: kinds.get(p, set()) for name, p in net.named_parameters()}
    found = {name: own for name, own in by_name.items() if own}
    assert found == {
        "0.weight": {"embedding"},
        "1.weight": {"matrix", "first"},
        "2.weight": {"matrix"},
        "4.weight": {"matrix"},
        "5.weight": {"matrix", "last"},
    }


def test_only_weights_of_linear_layers_are_matrices() -> None:
    """A norm's scales, a flow's shifts: Muon would make their rows orthogonal."""

    class Shifted(nn.Linear):
        def __init__(self) -> None:
            super().__init__(3, 3)
            self.norm = nn.LayerNorm((3, 3))
            self.table = nn.Embedding(4, 3)
            self.table.weight = self.weight  # tied to an embedding

    plain = nn.ParameterDict({"gain": torch.ones(2, 1), "offset": torch.ones(2, 5)})
    attention = nn.MultiheadAttention(4, 2)
    found = classify_parameters({"a": plain, "b": Shifted(), "c": attention})
    names = {p: n for n, p in attention.named_parameters()}
    assert {names[p] for p, own in found.items() if "matrix" in own} == {
        "in_proj_weight", "out_proj.weight",
    }  # fmt: skip
    assert sum("embedding" in own for own in found.values()) == 1


def test_muon_updates_the_conditioners_of_a_flow(small: Make) -> None:
    built = small("model=normalizing_flow", "optimizer=muon", "model.couplings=2")
    (optimizer,) = built.trial.optimizers.values()
    names = {p: n for n, p in built.trial.nets.named_parameters()}
    moved = [names[p] for g in optimizer.param_groups if g["rule"] == "Muon" for p in g["params"]]
    assert moved
    assert all("conditioner" in name and name.endswith("weight") for name in moved)


def test_the_first_rule_that_matches_wins() -> None:
    net = network()
    rules = "optimizer.rules=[embedding:adamw,any:adamw,matrix:muon]"
    with pytest.raises(ConfigError, match="no parameter is left for Muon"):
        muon(net, rules)
    optimizer = muon(net, "optimizer.rules=[last:muon,embedding:muon,any:adamw]")
    moved = {p: group["rule"] for group in optimizer.param_groups for p in group["params"]}
    names = [name for name, p in net.named_parameters() if moved[p] == "Muon"]
    assert names == ["0.weight", "5.weight"]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("[first:adamw,matrix:muon]", r"no rule matches net/0.weight \(5x6\)"),
        ("[embedding:adamw,matrix:muon]", r"no rule matches net/1.bias \(3\)"),
        ("[any:muon]", "a parameter has 1 dimensions"),
        ("[matrix:sgd]", "RULE muon or adamw"),
        ("[bias:adamw]", "KIND one of first"),
    ],
)
def test_invalid_rules_are_refused(rules: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        muon(network(), f"optimizer.rules={rules}")


def test_each_player_has_its_own(small: Make) -> None:
    built = small("model=gan", "players.generator.optimizer=muon", "optimizer=adam")
    assert [m.rule for m in built.moved["generator"]] == ["Muon", "AdamW"]
    assert [m.rule for m in built.moved["discriminator"]] == ["Adam"]
    assert built.trial.optimizers["generator"].param_groups[0]["lr"] == 0.001
