"""Every update rule against its paper's formulas, in float64."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genrun.core.errors import ConfigError
from tests.components.updates.games import Numbers, bilinear, curved, field_of, play, points

pytestmark = pytest.mark.usefixtures("float64")
LR = 0.3
sgd = functools.partial(torch.optim.SGD, lr=LR)
adam = functools.partial(torch.optim.Adam, lr=0.05, betas=(0.5, 0.9), eps=1e-8)
batch = Numbers.batch


def distances(name: str, steps: int, **settings: object) -> list[float]:
    """From the equilibrium of the game xy, at 0, after each step."""
    step = play(name, bilinear, sgd, start=([1.0], [0.0]), **settings)
    found = []
    for number in range(1, steps + 1):
        step(number)
        found.append(torch.cat(points(step)).norm().item())
    return found


def test_on_xy_simultaneous_descent_diverges_and_alternating_cycles() -> None:
    away = distances("simultaneous", 60)
    # |(x, y)| grows by sqrt(1 + lr^2) a step (Gidel et al., 1802.10551, proposition 1)
    expected = [(1 + LR**2) ** (number / 2) for number in range(1, 61)]
    assert away == pytest.approx(expected, rel=1e-12)
    around = distances("alternating", 600)
    assert max(around) < 1.3
    assert min(around) > 0.7
    assert max(around[:60]) == pytest.approx(max(around[-60:]), rel=0.01)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("extragradient", {"fresh_batch": True}),
        ("extragradient", {"fresh_batch": False}),
        ("optimistic", {}),
        ("lookahead", {}),
        ("consensus", {"gamma": 1.0}),
    ],
)
def test_on_xy_the_others_converge(name: str, settings: dict[str, object]) -> None:
    assert distances(name, 250, **settings)[-1] < 1e-3


def test_extragradient_on_xy_contracts_as_the_theory_says() -> None:
    """The modulus of the step's eigenvalues, 1 - lr^2 +- i lr."""
    rate = math.hypot(1 - LR**2, LR)
    expected = [rate**number for number in range(1, 41)]
    assert distances("extragradient", 40) == pytest.approx(expected, rel=1e-10)


# References in a few lines each: from (x, y), the step t from 1, and a memory


def simultaneous(x: Tensor, y: Tensor, t: int, past: dict) -> tuple[Tensor, Tensor]:
    g = field_of(curved, x, y, batch(t - 1))
    return x - LR * g[0], y - LR * g[1]


def alternating(x: Tensor, y: Tensor, t: int, past: dict) -> tuple[Tensor, Tensor]:
    x = x - LR * field_of(curved, x, y, batch(t - 1))[0]
    return x, y - LR * field_of(curved, x, y, batch(t - 1))[1]


def extragradient(x: Tensor, y: Tensor, t: int, past: dict) -> tuple[Tensor, Tensor]:
    g = field_of(curved, x, y, batch(2 * t - 2))
    g = field_of(curved, x - LR * g[0], y - LR * g[1], batch(2 * t - 1))
    return x - LR * g[0], y - LR * g[1]


def same_batch(x: Tensor, y: Tensor, t: int, past: dict) -> tuple[Tensor, Tensor]:
    g = field_of(curved, x, y, batch(t - 1))
    g = field_of(curved, x - LR * g[0], y - LR * g[1], batch(t - 1))
    return x - LR * g[0], y - LR * g[1]


def optimistic(x: Tensor, y: Tensor, t: int, past: dict) -> tuple[Tensor, Tensor]:
    g, last = field_of(curved, x, y, batch(t - 1)), past.get("g", (0, 0))
    past["g"] = g
    return x - 2 * LR * g[0] + LR * last[0], y - 2 * LR * g[1] + LR * last[1]


def lookahead(x: Tensor, y: Tensor, t: int, past: dict) -> tuple[Tensor, Tensor]:
    slow = past.setdefault("slow", (x, y))
    x, y = alternating(x, y, t, past)
    if t % 3 == 0:
        x, y = (s + 0.4 * (w - s) for s, w in zip(slow, (x, y), strict=True))
        past["slow"] = (x, y)
    return x, y


def consensus(x: Tensor, y: Tensor, t: int, past: dict) -> tuple[Tensor, Tensor]:
    x, y = x.requires_grad_(), y.requires_grad_()
    one, other = curved(x, y, batch(t - 1))
    v = (
        torch.autograd.grad(one, x, create_graph=True)[0],
        torch.autograd.grad(other, y, create_graph=True)[0],
    )
    towards = torch.autograd.grad(0.5 * (v[0].square().sum() + v[1].square().sum()), (x, y))
    return tuple(
        (w - LR * (own + 0.2 * to)).detach() for w, own, to in zip((x, y), v, towards, strict=True)
    )


@pytest.mark.parametrize(
    ("reference", "settings"),
    [
        (simultaneous, {}),
        (alternating, {}),
        (extragradient, {"fresh_batch": True}),
        (same_batch, {"fresh_batch": False}),
        (optimistic, {}),
        (lookahead, {"fast_steps": 3, "slow_step_size": 0.4}),
        (consensus, {"gamma": 0.2}),
    ],
)
def test_with_sgd_it_is_the_papers_update(
    reference: Callable[..., tuple[Tensor, Tensor]], settings: dict[str, object]
) -> None:
    name = "extragradient" if reference is same_batch else reference.__name__
    step = play(name, curved, sgd, **settings)
    x, y = points(step)
    past: dict[str, object] = {}
    for t in range(1, 12):
        step(t)
        x, y = reference(x, y, t, past)
        for ours, expected in zip(points(step), (x, y), strict=True):
            torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-13)


class Adam:
    """Adam's moments, and its step for a gradient (`direction`) as in the papers."""

    def __init__(self) -> None:
        self.m, self.v, self.count = torch.tensor(0.0), torch.tensor(0.0), 0

    def direction(self, gradient: Tensor) -> Tensor:
        self.count += 1
        self.m = 0.5 * self.m + 0.5 * gradient
        self.v = 0.9 * self.v + 0.1 * gradient.square()
        m, v = self.m / (1 - 0.5**self.count), self.v / (1 - 0.9**self.count)
        return 0.05 * m / (v.sqrt() + 1e-8)


def test_extra_adam_is_algorithm_4() -> None:
    """1802.10551: moments move in both steps, whose counts are 2t - 1 and 2t."""
    step = play("extragradient", curved, adam)
    where = list(points(step))
    adams = Adam(), Adam()
    for t in range(1, 12):
        step(t)
        g = field_of(curved, *where, batch(2 * t - 2))
        ahead = [w - a.direction(s) for w, a, s in zip(where, adams, g, strict=True)]
        assert [a.count for a in adams] == [2 * t - 1] * 2
        g = field_of(curved, *ahead, batch(2 * t - 1))
        where = [w - a.direction(s) for w, a, s in zip(where, adams, g, strict=True)]
        for ours, expected in zip(points(step), where, strict=True):
            torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-13)


def test_optimistic_adam_is_algorithm_1() -> None:
    """1711.00141: twice this step's corrected direction, less the last step's."""
    step = play("optimistic", curved, adam)
    where = list(points(step))
    adams, last = (Adam(), Adam()), [torch.tensor(0.0)] * 2
    for t in range(1, 12):
        step(t)
        g = field_of(curved, *where, batch(t - 1))
        new = [a.direction(s) for a, s in zip(adams, g, strict=True)]
        where = [w - 2 * n + o for w, n, o in zip(where, new, last, strict=True)]
        last = new
        for ours, expected in zip(points(step), where, strict=True):
            torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-13)


def test_lookahead_goes_back_at_once_whatever_the_turns() -> None:
    step = play("lookahead", curved, sgd, turns={"x": 3}, fast_steps=2)
    free = play("alternating", curved, sgd, turns={"x": 3})
    slow = points(step)
    for t in (1, 2):
        step(t)
        free(t)
    for ours, begun, fast in zip(points(step), slow, points(free), strict=True):
        torch.testing.assert_close(ours, (begun + fast) / 2, rtol=1e-12, atol=0)
    assert [player for player, _, _ in step.model.seen] == [*"xxxy", *"xxxy"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("fresh", [True, False])
def test_extragradients_second_look_is_of_a_fresh_batch_or_of_the_same_function(
    fresh: bool,
) -> None:
    step = play("extragradient", curved, sgd, fresh_batch=fresh)
    step(1)
    first, second = step.model.seen[:2], step.model.seen[2:]  # type: ignore[attr-defined]
    assert (first == second) == (not fresh)
    assert step.examples_per_step == (2 if fresh else 1)
    assert not {drawn for *_, drawn in first} & {drawn for *_, drawn in second} or not fresh


@pytest.mark.parametrize("name", ["simultaneous", "extragradient", "optimistic", "consensus"])
def test_simultaneous_players_have_one_turn_each(name: str) -> None:
    with pytest.raises(ConfigError, match=f"updates={name}: .* y has 2 turns"):
        play(name, curved, sgd, turns={"y": 2})


def test_consensus_refuses_a_loss_that_detaches_the_other_player() -> None:
    def hidden(x: Tensor, y: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        return (x * y).sum(), (-(x.detach() * y) + y.square()).sum()

    with pytest.raises(ConfigError, match="gradient of y does not depend on any other"):
        play("consensus", hidden, sgd)


def test_consensus_refuses_what_cannot_be_differentiated_twice() -> None:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.square()

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, gradient):
            return 2 * ctx.saved_tensors[0] * gradient

    def once(x: Tensor, y: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        return (Once.apply(x) * y).sum(), -(x * y).sum()

    with pytest.raises(ConfigError, match="gradient of x cannot be differentiated"):
        play("consensus", once, sgd)
