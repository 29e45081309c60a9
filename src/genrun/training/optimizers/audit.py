"""Which parameters each update rule moves, found by trying it on copies."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from genrun.training.optimizers.probe import copy_without_state, parameters_of, step_on_quadratic

LARGEST = 3  # entries in each dimension of a copy, as rules do not depend on sizes
STEPS = 3  # SOAP's first step only initializes its statistics
START = 1e-6  # initial weights, small so that no update is lost in rounding


@dataclass(frozen=True)
class MovedParameters:
    """The parameters of a player that one update rule moves."""

    rule: str
    tensors: int
    parameters: int


@dataclass(frozen=True)
class Audit:
    """`unmoved` are indices into the parameters that were passed."""

    moved: list[MovedParameters]
    unmoved: list[int]
    changes_gradients: bool  # whether `grad` differs after a step


def audit_optimizer(optimizer: Optimizer, parameters: list[nn.Parameter]) -> Audit:
    """Returns which of the parameters the optimizer moves within three steps, and by which rule.

    A rule is a group's own `rule`, or the optimizer's class. It is tried on copies of a few
    entries of each parameter, which takes milliseconds for networks of any size.
    """
    all_parameters = parameters_of(optimizer)
    copies = [_small(parameter) for parameter in all_parameters]
    starts = [tensor.detach().clone() for tensor in copies]
    copied = copy_without_state(optimizer, copies)
    for group in copied.param_groups:
        group["lr"] = group["lr"] or 1.0  # with a rate of 0 no rule moves anything
    for _ in range(STEPS):
        gradients = step_on_quadratic(copied)
    altered = any(
        tensor.grad is None or not torch.equal(tensor.grad, gradient)
        for tensor, gradient in zip(copies, gradients, strict=True)
    )
    moved = {
        parameter
        for parameter, now, before in zip(all_parameters, copies, starts, strict=True)
        if not torch.equal(now, before)
    }
    return Audit(
        [m for m in _by_rule(optimizer, moved & set(parameters)) if m.tensors],
        [index for index, parameter in enumerate(parameters) if parameter not in moved],
        altered,
    )


def preserve_gradients(optimizer: Optimizer) -> None:
    """Makes the optimizer leave each `grad` unchanged, since its norm is logged and monitored.

    Some optimizers work in that memory (schedule-free AdamW divides by the second moment's root).
    """
    gradients: list[tuple[Tensor, Tensor]] = []

    def before(stepping: Optimizer, *_: object) -> None:
        gradients[:] = [(p, p.grad) for p in parameters_of(stepping) if p.grad is not None]
        for parameter, gradient in gradients:
            parameter.grad = gradient.clone()

    def after(*_: object) -> None:
        for parameter, gradient in gradients:
            parameter.grad = gradient
        gradients.clear()

    optimizer.register_step_pre_hook(before)
    optimizer.register_step_post_hook(after)


def _by_rule(optimizer: Optimizer, moved: set[Tensor]) -> list[MovedParameters]:
    tensors: dict[str, list[Tensor]] = {}
    for group in optimizer.param_groups:
        rule = str(group.get("rule", type(optimizer).__name__))
        tensors.setdefault(rule, []).extend(p for p in group["params"] if p in moved)
    return [
        MovedParameters(rule, len(moved_by), sum(p.numel() for p in moved_by))
        for rule, moved_by in tensors.items()
    ]


def _small(parameter: Tensor) -> Tensor:
    shape = [min(size, LARGEST) for size in parameter.shape]
    filled = torch.full(shape, START, dtype=parameter.dtype, device=parameter.device)
    return filled.requires_grad_(parameter.requires_grad)
