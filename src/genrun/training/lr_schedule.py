"""Learning-rate schedules: a linear warm-up, then a scheduler of torch.optim."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ConstantLR, LRScheduler, ReduceLROnPlateau

from genrun.core.types import State

# The attributes of a scheduler that change while training; all others are configuration.
CHANGING = (
    "last_epoch", "_step_count", "_last_lr", "best", "num_bad_epochs", "cooldown_counter",
)  # fmt: skip


class Schedule:
    """Sets one optimizer's learning rate.

    In step s of a warm-up of w steps the rate is s/w of the scheduler's initial rate; the
    scheduler itself starts to count after the warm-up. `ReduceLROnPlateau` acts at evaluations.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        make: Callable[[Optimizer], LRScheduler | ReduceLROnPlateau],
        warmup_steps: int,
    ) -> None:
        self.optimizer = optimizer
        self.scheduler = make(optimizer)
        self.warmup_steps = warmup_steps
        self.steps = 0
        acts_on_metric = isinstance(self.scheduler, ReduceLROnPlateau)
        self._acts_on_steps = not (self.is_constant or acts_on_metric)
        self._start = [group["lr"] for group in optimizer.param_groups]
        self._apply_warmup()

    @property
    def is_constant(self) -> bool:
        """Whether the rate does not change after the warm-up."""
        return isinstance(self.scheduler, ConstantLR) and self.scheduler.factor == 1

    def step(self) -> None:
        """Called after each training step."""
        self.steps += 1
        if self.steps <= self.warmup_steps:
            self._apply_warmup()
        elif self._acts_on_steps:
            self.scheduler.step()

    def observe(self, value: float) -> None:
        """Called after each evaluation, with the monitored metric."""
        if isinstance(self.scheduler, ReduceLROnPlateau) and self.steps >= self.warmup_steps:
            self.scheduler.step(value)

    def _apply_warmup(self) -> None:
        if self.warmup_steps > 0:
            fraction = min((self.steps + 1) / self.warmup_steps, 1.0)
            for group, start in zip(self.optimizer.param_groups, self._start, strict=True):
                group["lr"] = start * fraction

    def state(self) -> State:
        """What changes while training; the rates themselves are in the optimizer's groups."""
        full: dict[str, Any] = self.scheduler.state_dict()
        state = {name: full[name] for name in CHANGING if name in full}
        if state.get("best") == math.inf:
            del state["best"]  # a new scheduler's value; checkpoints hold finite numbers only
        return {"steps": self.steps, **state}

    def restore(self, state: State) -> None:
        self.steps = state["steps"]
        self.scheduler.load_state_dict({k: v for k, v in state.items() if k != "steps"})
