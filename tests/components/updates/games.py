"""Small games whose steps can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from genrun.config.compose import compose
from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.types import Metrics, Player
from genrun.experiment.instantiate import instantiate
from genrun.training.hooks import RegularizationHooks
from genrun.training.loss import StepSettings
from genrun.training.step import TrainingStep

Loss = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


class Point(nn.Module):
    """A player's weights."""

    def __init__(self, values: Iterable[float]) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.tensor(list(values)))


def bilinear(x: Tensor, y: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
    """x minimizes xy and y maximizes it; independent of the batch."""
    return (x * y).sum(), -(x * y).sum()


def curved(x: Tensor, y: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
    """A game that is not zero-sum, with other losses for every batch."""
    shift = batch.mean()
    return (
        (x * y).sum() + 0.3 * (x - shift).square().sum() + 0.1 * x.pow(4).sum(),
        -((x + 0.2) * y).sum() + 0.2 * (y * (1 + shift)).square().sum(),
    )


@dataclass
class TwoPlayers:
    """The players x and y with these losses; `seen` records player, batch and noise of each."""

    losses: Loss
    turns: Mapping[str, int] = field(default_factory=dict)
    seen: list[tuple[str, float, float]] = field(default_factory=list)

    def players(self) -> tuple[Player, ...]:
        return tuple(Player(n, networks=(n,), turns=self.turns.get(n, 1)) for n in ("x", "y"))

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        drawn = float(noise.normal(key, (1,), like=batch))
        self.seen.append((player, float(batch.mean()), drawn))
        loss = self.losses(nets["x"].at, nets["y"].at, batch)[player == "y"]
        return loss, {}


class Numbers:
    """Batch i is one number, a function of i."""

    batch_size = 1

    @staticmethod
    def batch(index: int) -> Tensor:
        return torch.tensor([[0.4, -0.3, 0.2, 0.5, -0.6][index % 5]])


def updates_named(name: str, **settings: Any) -> Any:
    words = [f"updates={name}", *(f"updates.{key}={value}" for key, value in settings.items())]
    return instantiate("updates", compose(words).config["updates"], [])


def play(
    name: str,
    losses: Loss,
    optimizer: Callable[[list[Tensor]], torch.optim.Optimizer],
    turns: Mapping[str, int] | None = None,
    hooks: RegularizationHooks | None = None,
    start: tuple[list[float], list[float]] = ([1.0, -0.4], [0.5, 0.8]),
    **settings: Any,
) -> TrainingStep:
    nets = nn.ModuleDict({n: Point(v) for n, v in zip("xy", start, strict=True)})
    step = TrainingStep(
        TwoPlayers(losses, turns or {}),  # type: ignore[arg-type]  # it is only trained
        nets,
        Numbers(),  # type: ignore[arg-type]
        {player: optimizer([net.at]) for player, net in nets.items()},
        updates_named(name, **settings),
        hooks or RegularizationHooks.from_regularizations({}),
        None,
        StepSettings(0, torch.device("cpu"), None, compile=False, shard=None),
    )
    step.check()
    step.model.seen.clear()  # type: ignore[attr-defined]
    return step


def points(step: TrainingStep) -> tuple[Tensor, Tensor]:
    return step.nets["x"].at.detach().clone(), step.nets["y"].at.detach().clone()


def field_of(losses: Loss, x: Tensor, y: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Each player's gradient by its own point."""
    x, y = x.detach().requires_grad_(), y.detach().requires_grad_()
    first, second = losses(x, y, batch)
    return torch.autograd.grad(first, x, retain_graph=True)[0], torch.autograd.grad(second, y)[0]
