"""Averaged networks beside the trained ones."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from genrun.core.protocols import WeightAverage


class AveragedNetworks:
    """A copy of the networks whose parameters follow the trained ones by `rule`.

    Buffers of trained networks (BatchNorm's statistics) are copied as they are; networks without
    a player, which are calibrated rather than trained, are left to the calibration.
    """

    def __init__(
        self, nets: nn.ModuleDict, trained: Sequence[str], rule: WeightAverage | None
    ) -> None:
        self.nets = nets if rule is None else copy.deepcopy(nets).requires_grad_(False)
        self._rule = rule
        pairs = [(self.nets[name], nets[name]) for name in trained]
        self._averaged = [p for ours, _ in pairs for p in ours.parameters()]
        self._current = [p for _, theirs in pairs for p in theirs.parameters()]
        self._buffers = [b for ours, _ in pairs for b in ours.buffers()]
        self._current_buffers = [b for _, theirs in pairs for b in theirs.buffers()]

    @property
    def separate(self) -> bool:
        """Whether the networks to evaluate are others than the trained ones."""
        return self._rule is not None

    def update(self, step: int) -> None:
        if self._rule is None:
            return
        with torch.no_grad():
            self._rule.average(self._averaged, self._current, step)
            if self._buffers:
                torch._foreach_copy_(self._buffers, self._current_buffers)
