"""A step that an optimizer takes on copies, so that what it does is seen and not believed."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

from genrun.training.optimizers.closure import takes_closure


def parameters_of(optimizer: Optimizer) -> list[Tensor]:
    """In the order in which its state numbers them."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def copy_without_state(
    optimizer: Optimizer, parameters: Sequence[Tensor] | None = None
) -> Optimizer:
    """As it was before its first step, over copies of its parameters or over those given."""
    return _copy(optimizer, parameters, leave_out=("step", "state"))


def copy_with_state(optimizer: Optimizer, parameters: Sequence[Tensor] | None = None) -> Optimizer:
    """With its state, over copies of its parameters or over those given.

    `copy.deepcopy` would not do: torch's optimizers give it their groups and state alone, without
    what a class of others keeps beside them.
    """
    return _copy(optimizer, parameters, leave_out=("step",))


def _copy(
    optimizer: Optimizer, parameters: Sequence[Tensor] | None, leave_out: Iterable[str]
) -> Optimizer:
    # `step` in the dictionary is what a schedule puts there, and would move the original
    kept = {name: value for name, value in vars(optimizer).items() if name not in leave_out}
    own = parameters_of(optimizer)
    given = [p.detach().clone() for p in own] if parameters is None else parameters
    memo = {id(parameter): stand_in for parameter, stand_in in zip(own, given, strict=True)}
    copied = object.__new__(type(optimizer))
    copied.__dict__ = {"state": defaultdict(dict), **copy.deepcopy(kept, memo)}
    return copied


def step_on_quadratic(optimizer: Optimizer) -> list[Tensor]:
    """One step down a quadratic whose lowest point is at 1, with another curvature everywhere.

    Gives the gradients that the optimizer was handed last.
    """
    parameters = parameters_of(optimizer)
    curvatures = [
        torch.linspace(0.5, 1.5, p.numel(), dtype=p.dtype, device=p.device).view_as(p)
        for p in parameters
    ]
    handed: list[Tensor] = []

    def closure() -> Tensor:
        away = [parameter.detach() - 1 for parameter in parameters]
        handed[:] = torch._foreach_mul(curvatures, away)
        for parameter, gradient in zip(parameters, handed, strict=True):
            parameter.grad = gradient.clone()
        losses = [(g * a).sum().double() / 2 for g, a in zip(handed, away, strict=True)]
        return torch.stack(losses).sum()

    if takes_closure(type(optimizer)):
        optimizer.step(closure)  # type: ignore[arg-type]  # as in `step_with_closure`
    else:
        closure()
        optimizer.step()
    return handed
