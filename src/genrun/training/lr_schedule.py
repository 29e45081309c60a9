"""A learning rate over the steps: a linear warm-up, then a scheduler of torch.optim."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ConstantLR, LRScheduler, ReduceLROnPlateau

from genrun.core.types import State

# What a scheduler changes as it goes; everything else in it is configuration.
MOVING = (
    "last_epoch", "_step_count", "_last_lr", "best", "num_bad_epochs", "cooldown_counter",
)  # fmt: skip


class Schedule:
    """Moves one optimizer's learning rate.

    In step s of a warm-up of w steps the rate is s/w of the one the scheduler starts from; the
    scheduler itself begins to count after the warm-up. `ReduceLROnPlateau` moves at evaluations.
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
        by_metric = isinstance(self.scheduler, ReduceLROnPlateau)
        self._moves_with_steps = not (self.constant or by_metric)
        self._start = [group["lr"] for group in optimizer.param_groups]
        self._warm()

    @property
    def constant(self) -> bool:
        """Whether the rate stays as it is after the warm-up."""
        return isinstance(self.scheduler, ConstantLR) and self.scheduler.factor == 1

    def step(self) -> None:
        """After each training step."""
        self.steps += 1
        if self.steps <= self.warmup_steps:
            self._warm()
        elif self._moves_with_steps:
            self.scheduler.step()

    def observe(self, value: float) -> None:
        """After each evaluation, with the monitored metric."""
        if isinstance(self.scheduler, ReduceLROnPlateau) and self.steps >= self.warmup_steps:
            self.scheduler.step(value)

    def _warm(self) -> None:
        if self.warmup_steps > 0:
            share = min((self.steps + 1) / self.warmup_steps, 1.0)
            for group, start in zip(self.optimizer.param_groups, self._start, strict=True):
                group["lr"] = start * share

    def state(self) -> State:
        """What moves; the rates themselves are in the optimizer's groups."""
        whole: dict[str, Any] = self.scheduler.state_dict()
        moved = {name: whole[name] for name in MOVING if name in whole}
        if moved.get("best") == math.inf:
            del moved["best"]  # as a new one has it; no checkpoint holds a number that is none
        return {"steps": self.steps, **moved}

    def restore(self, state: State) -> None:
        self.steps = state["steps"]
        self.scheduler.load_state_dict({k: v for k, v in state.items() if k != "steps"})
