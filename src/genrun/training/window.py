"""Losses kept on the device until a row of the log is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from genrun.core.errors import Diverged
from genrun.core.types import Metrics

READ_AT_MOST = 1000  # steps kept before they are added up, so that memory does not grow


class Window:
    """The values of the steps since the last row.

    Reading them is the only time training waits for the device, and there every single step is
    checked: a value that is not finite is reported with the step at which it arose.
    """

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._pending: list[Tensor] = []
        self._first_pending = 0
        self._sums: list[float] = []
        self._count = 0

    def add(self, step: int, outputs: Metrics) -> None:
        if not self._pending:
            self._first_pending = step
            self.names = tuple(outputs)
        self._pending += outputs.values()
        if len(self._pending) >= READ_AT_MOST * len(self.names):
            self._settle()

    def read(self) -> dict[str, float]:
        """The mean of each value over the window, which is then empty.

        Raises `Diverged` at the first step with a value that is not finite.
        """
        self._settle()
        means = {
            name: total / self._count for name, total in zip(self.names, self._sums, strict=True)
        }
        self._sums, self._count = [], 0
        return means

    def state(self) -> dict[str, object]:
        """For a checkpoint in the middle of a window; raises as `read`."""
        self._settle()
        return {"names": list(self.names), "sums": self._sums, "count": self._count}

    def restore(self, names: Sequence[str], sums: Sequence[float], count: int) -> None:
        self.names, self._sums, self._count = tuple(names), list(sums), count

    def _settle(self) -> None:
        if not self._pending:
            return
        values = torch.stack(self._pending).cpu().double().view(-1, len(self.names))
        finite = values.isfinite()
        if not finite.all():
            row, column = (~finite).nonzero()[0].tolist()
            raise Diverged(
                f"{self.names[column]} was {values[row, column]} at step "
                f"{self._first_pending + row}"
            )
        # One after the other, so that where a window was settled does not change its sum.
        sums = self._sums or [0.0] * len(self.names)
        for value_row in values.tolist():
            sums = [total + value for total, value in zip(sums, value_row, strict=True)]
        self._sums, self._count = sums, self._count + len(values)
        self._pending = []


def check_finite(tensors: Mapping[str, Tensor], step: int) -> None:
    """Raises `Diverged` naming the first tensor that holds a NaN or an infinity."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise Diverged(f"{name} is not finite at step {step}")
