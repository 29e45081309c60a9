"""Optimizers that evaluate the loss themselves, several times a step (L-BFGS)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

from genrun.core.types import Metrics


def takes_closure(kind: type[Optimizer]) -> bool:
    """Whether the optimizer evaluates the loss itself, several times a step (L-BFGS)."""
    closure = inspect.signature(kind.step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def step_with_closure(
    optimizer: Optimizer,
    differentiate: Callable[[], tuple[Tensor, Metrics]],
    buffers: Sequence[Tensor],
) -> tuple[Tensor, Metrics]:
    """Takes one step; returns loss and metrics of the first evaluation, as other optimizers do.

    `differentiate` leaves gradients in the weights. Every evaluation starts from the same buffers,
    so that each is of the same function, and running statistics see a batch once per step.
    """
    before = [buffer.clone() for buffer in buffers]
    first: list[tuple[Tensor, Metrics]] = []

    def closure() -> Tensor:
        if first and buffers:
            with torch.no_grad():
                torch._foreach_copy_(list(buffers), before)
        loss, metrics = differentiate()
        if not first:
            first.append((loss, metrics))
        return loss

    optimizer.step(closure)  # type: ignore[arg-type]  # torch's annotation says float, its classes take tensors
    return first[0]
