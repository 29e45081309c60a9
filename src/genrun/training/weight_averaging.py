"""The networks to evaluate, if they differ from the trained ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from genrun.core.protocols.regularization import WeightAverage
from genrun.training.optimizers.schedule_free import is_schedule_free, move_to_average


class AveragedNetworks:
    """A copy of the networks whose parameters follow the trained ones.

    They follow by `rule` after every step, or by a schedule-free optimizer whenever they are
    needed; the trained networks are only read. BatchNorm's running statistics belong to weights
    that were trained with, so `update_batch_norm` computes those of the averaged weights; other
    buffers (spectral norm's vectors) are copied. Networks without a player are calibrated rather
    than trained, and are left to the calibration.
    """

    def __init__(
        self,
        nets: nn.ModuleDict,
        trained: Sequence[str],
        rule: WeightAverage | None,
        optimizers: Sequence[Optimizer],
        update_batch_norm: Callable[[nn.ModuleDict], None],
    ) -> None:
        self._rule = rule
        self._schedule_free = [o for o in optimizers if is_schedule_free(o)]
        self.nets = copy.deepcopy(nets).requires_grad_(False) if self.is_separate else nets
        self._update_batch_norm = update_batch_norm
        pairs = [(self.nets[name], nets[name]) for name in trained]
        self._averaged: list[Tensor] = [p for ours, _ in pairs for p in ours.parameters()]
        self._current: list[Tensor] = [p for _, theirs in pairs for p in theirs.parameters()]
        self._buffers = [b for ours, _ in pairs for b in ours.buffers()]
        self._current_buffers = [b for _, theirs in pairs for b in theirs.buffers()]
        modules = [module for ours, _ in pairs for module in ours.modules()]
        self._has_statistics = any(
            isinstance(m, _BatchNorm) and m.track_running_stats for m in modules
        )
        self._refreshed_step = -1  # the step that the averaged networks belong to

    @property
    def is_separate(self) -> bool:
        """Whether the networks to evaluate differ from the trained ones."""
        return self._rule is not None or bool(self._schedule_free)

    def update(self, step: int) -> None:
        """Called after every step."""
        if self._rule is not None:
            with torch.no_grad():
                self._rule.update_average(self._averaged, self._current, step)

    def refresh(self, step: int) -> None:
        """Called before the networks are evaluated, sampled or saved; a function of the step."""
        if not self.is_separate or self._refreshed_step == step:
            return
        with torch.no_grad():
            if self._schedule_free:
                torch._foreach_copy_(self._averaged, self._current)
                copies = dict(zip(self._current, self._averaged, strict=True))
                for optimizer in self._schedule_free:
                    move_to_average(optimizer, copies)
            if self._buffers:
                torch._foreach_copy_(self._buffers, self._current_buffers)
        if self._has_statistics:
            self._update_batch_norm(self.nets)
        self._refreshed_step = step
