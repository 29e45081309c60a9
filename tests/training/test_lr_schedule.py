"""Learning-rate schedules with a warm-up."""

import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, ReduceLROnPlateau

from genrun.training.lr_schedule import Schedule


def rates(make, warmup_steps: int, steps: int, values: dict[int, float] | None = None):
    """The learning rate that each step uses."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = Schedule(optimizer, make, warmup_steps)
    used = []
    for step in range(1, steps + 1):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
        if values and step in values:
            schedule.observe(values[step])
    return used


def test_cosine_after_a_linear_warm_up() -> None:
    used = rates(lambda o: CosineAnnealingLR(o, T_max=10), warmup_steps=4, steps=15)
    warm = [0.25, 0.5, 0.75, 1.0]
    cosine = [(1 + math.cos(math.pi * t / 10)) / 2 for t in range(11)]
    assert used == pytest.approx(warm + cosine)


def test_linear_without_warm_up() -> None:
    used = rates(lambda o: LinearLR(o, 1.0, 0.0, total_iters=4), warmup_steps=0, steps=6)
    assert used == pytest.approx([1, 0.75, 0.5, 0.25, 0, 0])


def test_plateau_counts_evaluations_after_the_warm_up() -> None:
    def make(optimizer: torch.optim.Optimizer) -> ReduceLROnPlateau:
        return ReduceLROnPlateau(optimizer, factor=0.1, patience=1)

    values = {1: 9.0, 3: 1.0, 5: 1.0, 7: 1.0}
    used = rates(make, warmup_steps=2, steps=9, values=values)
    assert used == pytest.approx([0.5, 1, 1, 1, 1, 1, 1, 0.1, 0.1])
