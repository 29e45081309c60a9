"""Steps of an optimizer on copies of its parameters, to observe what it does."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

from genrun.training.optimizers.closure import takes_closure


def parameters_of(optimizer: Optimizer) -> list[Tensor]:
    """All parameters, in the order in which the optimizer's state numbers them."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def copy_without_state(
    optimizer: Optimizer, parameters: Sequence[Tensor] | None = None
) -> Optimizer:
    """Copies an optimizer without state, over copies of its parameters or over `parameters`."""
    return _copy(optimizer, parameters, leave_out=("step", "state"))


def copy_with_state(optimizer: Optimizer, parameters: Sequence[Tensor] | None = None) -> Optimizer:
    """Copies an optimizer with its state, over copies of its parameters or over `parameters`.

    `copy.deepcopy` is not enough: torch's optimizers pass on their groups and state only, without
    the attributes that subclasses of other packages add.
    """
    return _copy(optimizer, parameters, leave_out=("step",))


def _copy(
    optimizer: Optimizer, parameters: Sequence[Tensor] | None, leave_out: Iterable[str]
) -> Optimizer:
    # a schedule puts `step` into the dictionary, which would move the original
    attributes = {name: value for name, value in vars(optimizer).items() if name not in leave_out}
    originals = parameters_of(optimizer)
    targets = [p.detach().clone() for p in originals] if parameters is None else parameters
    memo = {id(parameter): target for parameter, target in zip(originals, targets, strict=True)}
    copied = object.__new__(type(optimizer))
    copied.__dict__ = {"state": defaultdict(dict), **copy.deepcopy(attributes, memo)}
    return copied


def step_on_quadratic(optimizer: Optimizer) -> list[Tensor]:
    """Takes one step on a quadratic with its minimum at 1 and a different curvature per entry.

    Returns the gradients that the optimizer received last.
    """
    parameters = parameters_of(optimizer)
    curvatures = [
        torch.linspace(0.5, 1.5, p.numel(), dtype=p.dtype, device=p.device).view_as(p)
        for p in parameters
    ]
    gradients: list[Tensor] = []

    def closure() -> Tensor:
        offsets = [parameter.detach() - 1 for parameter in parameters]
        gradients[:] = torch._foreach_mul(curvatures, offsets)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
        losses = [(g * a).sum().double() / 2 for g, a in zip(gradients, offsets, strict=True)]
        return torch.stack(losses).sum()

    if takes_closure(type(optimizer)):
        optimizer.step(closure)  # type: ignore[arg-type]  # as in `step_with_closure`
    else:
        closure()
        optimizer.step()
    return gradients
