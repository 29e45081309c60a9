"""Update rules against the papers' formulas, on the game x y and others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genrun.components.regularization.sam import SAM
from genrun.components.updates.alternating import Alternating
from genrun.components.updates.consensus import Consensus
from genrun.components.updates.extragradient import Extragradient
from genrun.components.updates.lookahead import Lookahead
from genrun.components.updates.optimistic import Optimistic
from genrun.components.updates.simultaneous import Simultaneous
from genrun.core.errors import ConfigError
from genrun.core.protocols.regularization import GradientPoint
from genrun.core.protocols.updates import Updates
from genrun.core.types import Metrics, Player
from genrun.experiment.build import Built
from genrun.training.hooks import RegularizationHooks
from genrun.training.loss import StepSettings
from genrun.training.step import TrainingStep

Make = Callable[..., Built]
pytestmark = pytest.mark.usefixtures("float64")
LR = 0.1
START = (1.0, 0.5)
CPU = torch.device("cpu")


class Number(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor([value]))


class Bilinear:
    """x minimizes x y, y minimizes -x y: the equilibrium is (0, 0)."""

    def players(self) -> tuple[Player, ...]:
        return Player("x", ("x",)), Player("y", ("y",))

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Any
    ) -> tuple[Tensor, Metrics]:
        product = (nets["x"].value * nets["y"].value).sum() * batch.mean()
        return (product if player == "x" else -product), {}


class Ones:
    """Data for losses that do not depend on it."""

    batch_size = 1

    def batch(self, index: int) -> Tensor:
        return torch.ones(1)


Optimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


def sgd(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=LR)


def adam(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=LR, betas=(0.5, 0.9))


def played(
    updates: Updates,
    steps: int,
    optimizer: Optimizer = sgd,
    points: tuple[GradientPoint, ...] = (),
) -> list[tuple[float, float]]:
    """(x, y) after each step, the start first."""
    nets = nn.ModuleDict({"x": Number(START[0]), "y": Number(START[1])})
    optimizers = {name: optimizer(list(nets[name].parameters())) for name in ("x", "y")}
    step = TrainingStep(
        Bilinear(),  # type: ignore[arg-type]
        nets,
        Ones(),  # type: ignore[arg-type]
        optimizers,
        updates,
        RegularizationHooks({}, points, [], []),
        None,
        StepSettings(0, CPU, None, False, None),
    )
    step.check()

    def place() -> tuple[float, float]:
        return float(nets["x"].value.detach()), float(nets["y"].value.detach())

    places = [place()]
    for number in range(1, steps + 1):
        step(number)
        places.append(place())
    return places


def distance(place: tuple[float, float]) -> float:
    return (place[0] ** 2 + place[1] ** 2) ** 0.5


def test_simultaneous_gradient_descent_diverges() -> None:
    """Each step multiplies the distance by sqrt(1 + lr^2)."""
    places = played(Simultaneous(), 200)
    expected = distance(START) * (1 + LR**2) ** 100
    assert distance(places[-1]) == pytest.approx(expected, rel=1e-10)
    assert expected > 2.5 * distance(START)


def test_alternating_neither_diverges_nor_converges() -> None:
    places = played(Alternating(), 2000)
    assert 0.9 < distance(places[-1]) / distance(START) < 1.1
    x, y = START
    for found in places[1:50]:
        x = x - LR * y
        y = y + LR * x
        assert found == pytest.approx((x, y), rel=1e-12)


@pytest.mark.parametrize(
    ("updates", "steps"),
    [(Extragradient(fresh_batch=False), 2000), (Extragradient(fresh_batch=True), 2000),
     (Optimistic(), 2000), (Lookahead(5, 0.5), 4000), (Consensus(1.0), 200)],
)  # fmt: skip
def test_these_converge(updates: Updates, steps: int) -> None:
    assert distance(played(updates, steps)[-1]) < 1e-3 * distance(START)


def test_extragradient_is_korpelevichs_with_plain_descent() -> None:
    x, y = START
    for found in played(Extragradient(fresh_batch=False), 30)[1:]:
        ahead_x, ahead_y = x - LR * y, y + LR * x
        x, y = x - LR * ahead_y, y + LR * ahead_x
        assert found == pytest.approx((x, y), rel=1e-12)


def test_optimistic_is_the_papers_with_plain_descent() -> None:
    """w_t = w_{t-1} - 2 lr g_t + lr g_{t-1}."""
    (x, y), last = START, (0.0, 0.0)
    for found in played(Optimistic(), 30)[1:]:
        gradient = (y, -x)
        x = x - 2 * LR * gradient[0] + LR * last[0]
        y = y - 2 * LR * gradient[1] + LR * last[1]
        last = gradient
        assert found == pytest.approx((x, y), rel=1e-12)


class ObviousAdam:
    """One number's direction: lr m_hat / (sqrt(v_hat) + eps)."""

    def __init__(self) -> None:
        self.m, self.v, self.t = 0.0, 0.0, 0

    def direction(self, gradient: float) -> float:
        self.t += 1
        self.m = 0.5 * self.m + 0.5 * gradient
        self.v = 0.9 * self.v + 0.1 * gradient**2
        m_hat, v_hat = self.m / (1 - 0.5**self.t), self.v / (1 - 0.9**self.t)
        return float(LR * m_hat / (v_hat**0.5 + 1e-8))


def test_extra_adam_is_algorithm_4() -> None:
    (x, y), first, second = START, ObviousAdam(), ObviousAdam()
    for found in played(Extragradient(fresh_batch=False), 20, adam)[1:]:
        ahead_x, ahead_y = x - first.direction(y), y - second.direction(-x)
        x, y = x - first.direction(ahead_y), y - second.direction(-ahead_x)
        assert found == pytest.approx((x, y), rel=1e-9)


def test_optimistic_adam_is_algorithm_1() -> None:
    (x, y), first, second, last = START, ObviousAdam(), ObviousAdam(), (0.0, 0.0)
    for found in played(Optimistic(), 20, adam)[1:]:
        new = (first.direction(y), second.direction(-x))
        x, y = x - 2 * new[0] + last[0], y - 2 * new[1] + last[1]
        last = new
        assert found == pytest.approx((x, y), rel=1e-9)


def test_lookahead_goes_back_together_every_k_steps() -> None:
    slow = START
    x, y = START
    for step, found in enumerate(played(Lookahead(3, 0.4), 30)[1:], start=1):
        x = x - LR * y
        y = y + LR * x
        if step % 3 == 0:
            x, y = slow = (slow[0] + 0.4 * (x - slow[0]), slow[1] + 0.4 * (y - slow[1]))
        assert found == pytest.approx((x, y), rel=1e-12)


def test_consensus_adds_the_derivative_of_half_the_squared_norm() -> None:
    """v = (y, -x), so that of 1/2 ||v||^2 is (x, y)."""
    x, y = START
    for found in played(Consensus(2.0), 20)[1:]:
        x, y = x - LR * (y + 2.0 * x), y - LR * (-x + 2.0 * y)
        assert found == pytest.approx((x, y), rel=1e-12)


def test_sam_takes_the_gradient_where_the_loss_is_highest_nearby(small: Make) -> None:
    """Algorithm 1 of the paper for a VAE: from w to w - lr g(w + rho g / ||g||)."""
    built = small("model=vae", "optimizer=sgd", "optimizer.lr=0.01", "regularization=sam")
    plain = small("model=vae", "optimizer=sgd", "optimizer.lr=0.01")
    rho = built.step.hooks.gradient_points[0].rho  # type: ignore[attr-defined]
    weights = list(plain.trial.nets.parameters())
    plain.step.begin(1)
    player = plain.model.players()[0]

    def gradient() -> list[Tensor]:
        plain.step.differentiate(player, 0)
        return [weight.grad.clone() for weight in weights]  # type: ignore[union-attr]

    first = gradient()
    norm = torch.cat([part.flatten() for part in first]).norm()
    start = [weight.detach().clone() for weight in weights]
    for weight, part in zip(weights, first, strict=True):
        weight.data += rho * part / norm
    there = gradient()
    built.step(1)
    ours = list(built.trial.nets.parameters())
    for own, begun, part in zip(ours, start, there, strict=True):
        torch.testing.assert_close(own.detach(), begun - 0.01 * part, rtol=1e-9, atol=1e-12)


def test_sam_leaves_the_weights_where_the_gradient_is_zero() -> None:
    weight = torch.zeros(3, requires_grad=True)
    weight.grad = torch.zeros(3)
    with torch.no_grad():
        SAM(rho=0.1).move_weights([weight])
    assert torch.equal(weight, torch.zeros(3))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=vae", "updates=simultaneous"], "needs several players"),
        (["model=gan", "model.discriminator_turns=2", "updates=extragradient"],
         "set model.discriminator_turns=1"),
        (["model=gan", "updates=consensus", "regularization=sam"], "leave sam out"),
        (["model=gan", "updates=consensus", "runtime.compile=true"], "runtime.compile=false"),
        (["model=vae", "updates=lookahead", "optimizer=lbfgs"], "needs updates=alternating"),
        (["model=gan", "updates=lookahead", "optimizer=schedule_free_sgd"], "only .* may change"),
        (["model=vae", "regularization=sam", "optimizer=lbfgs"], "gradient of the loss"),
    ],
)  # fmt: skip
def test_incompatible_choices_are_refused(words: list[str], message: str, small: Make) -> None:
    with pytest.raises(ConfigError, match=message):
        small(*words)
