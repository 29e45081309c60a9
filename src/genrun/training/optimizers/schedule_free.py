"""Optimizers that train at one point and are to be evaluated at another (arXiv 2405.15682)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from torch import Tensor
from torch.optim import Optimizer


def is_schedule_free(optimizer: Optimizer) -> bool:
    """Whether it moves its parameters to the weights to evaluate with `eval`, back with `train`.

    Back is nearly back, so `eval` is never called on the networks that train.
    """
    return all(callable(getattr(optimizer, name, None)) for name in ("train", "eval"))


def move_to_average(optimizer: Optimizer, copies: Mapping[Tensor, Tensor]) -> None:
    """Moves copies of the optimizer's parameters, as they are now, to the weights to evaluate."""
    beside = object.__new__(type(optimizer))
    beside.__dict__ = {
        **{name: value for name, value in vars(optimizer).items() if name != "step"},
        "param_groups": [
            {**group, "params": [copies[p] for p in group["params"]]}
            for group in optimizer.param_groups
        ],
        "state": defaultdict(dict, {copies[p]: kept for p, kept in optimizer.state.items()}),
    }
    beside.eval()  # type: ignore[attr-defined]  # as `is_schedule_free` says
