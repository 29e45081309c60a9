"""What tensors an optimizer keeps, learned by letting a copy of it take one step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def state_forms(optimizer: torch.optim.Optimizer) -> dict[int, dict[str, Tensor]]:
    """By the parameter's index and the name; tensors of the right shape and dtype."""
    probe = object.__new__(type(optimizer))
    probe.__dict__ = {k: v for k, v in vars(optimizer).items() if k != "step"}  # a schedule's own
    probe.state = defaultdict(dict)
    probe.param_groups = [
        {**group, "params": [_copy_of(p) for p in group["params"]]}
        for group in optimizer.param_groups
    ]
    probe.step()
    parameters = [p for group in probe.param_groups for p in group["params"]]
    return {
        index: {k: v for k, v in probe.state[p].items() if isinstance(v, Tensor)}
        for index, p in enumerate(parameters)
    }


def _copy_of(parameter: Tensor) -> Tensor:
    copied = parameter.detach().clone().requires_grad_()
    copied.grad = torch.zeros_like(copied)
    return copied


def refuse_other_state(optimizer: torch.optim.Optimizer, given: Mapping[str, Any]) -> None:
    """Raises `ValueError` where tensors, by `index/name`, are not those that it would keep.

    A parameter that never had a gradient has none; one that had has all.
    """
    forms = state_forms(optimizer)
    named: dict[int, dict[str, Any]] = defaultdict(dict)
    for path, tensor in given.items():
        index, _, name = path.partition("/")
        named[int(index) if index.isdecimal() else -1][name] = tensor
    for number, tensors in named.items():
        own = forms.get(number, {})
        if set(own) != set(tensors):
            raise ValueError(
                f"its optimizer's state of parameter {number} is not this optimizer's"
            )
        for name, tensor in tensors.items():
            if (tensor.shape, tensor.dtype) != (own[name].shape, own[name].dtype):
                raise ValueError(f"its optimizer's {number}/{name} has another form")
