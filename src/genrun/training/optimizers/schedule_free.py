"""Schedule-free optimizers, whose evaluated weights differ from the trained (arXiv 2405.15682)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from torch import Tensor
from torch.optim import Optimizer


def is_schedule_free(optimizer: Optimizer) -> bool:
    """Whether its method `eval` moves the parameters to the weights to evaluate, `train` back.

    The way back is not exact, so `eval` is never called on the networks that train.
    """
    return all(callable(getattr(optimizer, name, None)) for name in ("train", "eval"))


def move_to_average(optimizer: Optimizer, copies: Mapping[Tensor, Tensor]) -> None:
    """Moves copies of the optimizer's current parameters to the weights to evaluate."""
    copied = object.__new__(type(optimizer))
    copied.__dict__ = {
        **{name: value for name, value in vars(optimizer).items() if name != "step"},
        "param_groups": [
            {**group, "params": [copies[p] for p in group["params"]]}
            for group in optimizer.param_groups
        ],
        "state": defaultdict(dict, {copies[p]: state for p, state in optimizer.state.items()}),
    }
    copied.eval()  # type: ignore[attr-defined]  # checked by `is_schedule_free`
