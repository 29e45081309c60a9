"""What each update rule really moves, found by letting it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from genrun.training.optimizers.probe import copy_without_state, parameters_of, step_on_quadratic

LARGEST = 3  # entries in each dimension of a copy: what moves it does not depend on its size
STEPS = 3  # SOAP's first only begins its statistics
START = 1e-6  # small, so that no update is lost in rounding


@dataclass(frozen=True)
class MovedParameters:
    """What one update rule moves of a player."""

    rule: str
    tensors: int
    parameters: int


@dataclass(frozen=True)
class Audit:
    """`unmoved` are indices into the parameters that were asked about."""

    moved: list[MovedParameters]
    unmoved: list[int]
    changes_gradients: bool  # what is left in a parameter's `grad` is not what was given


def audit_optimizer(optimizer: Optimizer, asked: list[nn.Parameter]) -> Audit:
    """Which of the parameters the optimizer moves within three steps, each by which rule.

    A rule is a group's own `rule`, or the optimizer's class. It is tried on copies of a few
    entries of each parameter, which takes milliseconds whatever the networks' size.
    """
    own = parameters_of(optimizer)
    copies = [_small(parameter) for parameter in own]
    starts = [tensor.detach().clone() for tensor in copies]
    tried = copy_without_state(optimizer, copies)
    for group in tried.param_groups:
        group["lr"] = group["lr"] or 1.0  # 0 was asked for, and says nothing about the rule
    for _ in range(STEPS):
        handed = step_on_quadratic(tried)
    altered = any(
        tensor.grad is None or not torch.equal(tensor.grad, gradient)
        for tensor, gradient in zip(copies, handed, strict=True)
    )
    moved = {
        parameter
        for parameter, now, before in zip(own, copies, starts, strict=True)
        if not torch.equal(now, before)
    }
    return Audit(
        [m for m in _by_rule(optimizer, moved & set(asked)) if m.tensors],
        [index for index, parameter in enumerate(asked) if parameter not in moved],
        altered,
    )


def preserve_gradients(optimizer: Optimizer) -> None:
    """Makes it leave in each `grad` what it was given, whose norm is logged and watched.

    Some work in that memory (schedule-free AdamW divides by the second moment's root there).
    """
    given: list[tuple[Tensor, Tensor]] = []

    def before(moving: Optimizer, *_: object) -> None:
        given[:] = [(p, p.grad) for p in parameters_of(moving) if p.grad is not None]
        for parameter, gradient in given:
            parameter.grad = gradient.clone()

    def after(*_: object) -> None:
        for parameter, gradient in given:
            parameter.grad = gradient
        given.clear()

    optimizer.register_step_pre_hook(before)
    optimizer.register_step_post_hook(after)


def _by_rule(optimizer: Optimizer, moved: set[Tensor]) -> list[MovedParameters]:
    tensors: dict[str, list[Tensor]] = {}
    for group in optimizer.param_groups:
        rule = str(group.get("rule", type(optimizer).__name__))
        tensors.setdefault(rule, []).extend(p for p in group["params"] if p in moved)
    return [
        MovedParameters(rule, len(own), sum(p.numel() for p in own))
        for rule, own in tensors.items()
    ]


def _small(parameter: Tensor) -> Tensor:
    shape = [min(size, LARGEST) for size in parameter.shape]
    filled = torch.full(shape, START, dtype=parameter.dtype, device=parameter.device)
    return filled.requires_grad_(parameter.requires_grad)
