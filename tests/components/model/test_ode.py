"""Solvers against known solutions."""

import math

import pytest
import torch
from torch import Tensor

from genrun.components.model._ode import (
    ERRORS,
    SOLVERS,
    TIMES,
    WEIGHTS,
    SolverSettings,
    solve_adaptive,
)

pytestmark = pytest.mark.usefixtures("float64")


def swinging(x: Tensor, times: Tensor) -> Tensor:
    """A velocity that depends on x and time, with x(1) = x(0) exp(sin 3 + 1)."""
    return x * (3 * torch.cos(3 * times) + 2 * times)[:, None]


START = torch.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=torch.float64)
END = START * math.exp(math.sin(3) + 1)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("midpoint", 2)])
def test_fixed_solvers_have_their_order(solver: str, order: int) -> None:
    errors = [
        float((SOLVERS[solver](swinging, START, SolverSettings(steps, 1e-3)) - END).abs().max())
        for steps in (100, 200, 400)
    ]
    rates = [math.log2(errors[i] / errors[i + 1]) for i in range(2)]
    assert rates == pytest.approx([order, order], abs=0.1)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
def test_adaptive_solver_keeps_its_tolerance(tolerance: float) -> None:
    calls = []

    def counted(x: Tensor, times: Tensor) -> Tensor:
        calls.append(len(x))
        return swinging(x, times)

    end = solve_adaptive(counted, START, SolverSettings(1, tolerance))
    assert float(((end - END) / END).abs().max()) < 10 * tolerance
    assert len(calls) < {1e-3: 80, 1e-6: 150, 1e-9: 500}[tolerance]


def test_adaptive_solver_treats_each_row_alone() -> None:
    def of_row(x: Tensor, times: Tensor) -> Tensor:
        return -x * (x.abs() > 2) * 40 + torch.sin(times)[:, None]

    together = solve_adaptive(of_row, START, SolverSettings(1, 1e-6))
    alone = torch.cat(
        [solve_adaptive(of_row, row[None], SolverSettings(1, 1e-6)) for row in START]
    )
    assert torch.equal(together, alone)


def test_adaptive_solver_ends_where_no_step_is_good_enough() -> None:
    def broken(x: Tensor, times: Tensor) -> Tensor:
        return torch.full_like(x, math.nan)

    assert solve_adaptive(broken, START, SolverSettings(1, 1e-6)).isnan().all()


def test_coefficients_are_consistent() -> None:
    """Row sums are the times; order conditions of quadrature up to order 5, and 4 for the pair."""
    for time, weights in zip(TIMES, WEIGHTS, strict=True):
        assert sum(weights) == pytest.approx(time, abs=1e-14)
    nodes, fifth = (0.0, *TIMES), (*WEIGHTS[-1], 0.0)
    for power in range(5):
        integral = 1 / (power + 1)
        moments = [n**power for n in nodes]
        by_fifth = sum(w * m for w, m in zip(fifth, moments, strict=True))
        by_error = sum(e * m for e, m in zip(ERRORS, moments, strict=True))
        assert by_fifth == pytest.approx(integral, abs=1e-14)
        if power < 4:
            assert by_error == pytest.approx(0, abs=1e-14)
