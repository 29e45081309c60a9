"""Losses kept on the device until a row of the log is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from genrun.core.errors import ConfigError, Diverged
from genrun.core.types import Metrics

READ_AT_MOST = 1000  # steps kept before they are added up, so that memory does not grow


class LossBuffer:
    """The values of the steps since the last row.

    They are copied into one buffer at once: thousands of small tensors kept alive would leave
    holes in the heap that the next step's large ones do not fit into (60 page faults a step).
    Reading is the only time training waits for the device, and there every single step is
    checked: a value that is not finite is reported with the step at which it arose. Of several
    processes each fills its own, and what is read is the mean over all of them (`mean`).
    """

    def __init__(self, mean: Callable[[Tensor], Tensor] | None = None) -> None:
        self._mean = mean
        self.names: tuple[str, ...] = ()
        self._buffer = torch.empty(0)
        self._rows: Sequence[Tensor] = ()  # of the buffer, one a step
        self._filled = 0
        self._first = 0  # the step of the first row
        self._sums: list[float] = []
        self._count = 0

    def add(self, step: int, outputs: Metrics) -> None:
        values = list(outputs.values())
        if self._filled == 0:
            self._first = step
            if not self._rows:
                self.names = tuple(outputs)
                shape = (READ_AT_MOST, len(values))
                self._buffer = torch.empty(shape, device=values[0].device)
                self._rows = self._buffer.unbind()
        if tuple(outputs) != self.names:
            raise ConfigError(
                f"model: its losses logged {', '.join(outputs)} at step {step} and "
                f"{', '.join(self.names)} before; they must log the same in every step"
            )
        torch.stack(values, out=self._rows[self._filled])
        self._filled += 1
        if self._filled == READ_AT_MOST:
            self.check()

    def read(self) -> dict[str, float]:
        """The mean of each value over the window, which is then empty.

        Raises `Diverged` at the first step with a value that is not finite.
        """
        self.check()
        means = {
            name: total / self._count for name, total in zip(self.names, self._sums, strict=True)
        }
        self._sums, self._count = [], 0
        return means

    def state(self) -> dict[str, object]:
        """For a checkpoint in the middle of a window; raises as `read`."""
        self.check()
        return {"names": list(self.names), "sums": self._sums, "count": self._count}

    def restore(self, names: Sequence[str], sums: Sequence[float], count: int) -> None:
        self.names, self._sums, self._count = tuple(names), list(sums), count

    def check(self) -> None:
        """Adds the buffer's rows to the sums; raises as `read`."""
        if self._filled == 0:
            return
        values = self._buffer[: self._filled].cpu().double()
        if self._mean is not None:
            values = self._mean(values)
        finite = values.isfinite()
        if not finite.all():
            row, column = (~finite).nonzero()[0].tolist()
            raise Diverged(
                f"{self.names[column]} was {values[row, column]} at step {self._first + row}"
            )
        # One after the other, so that where a window was settled does not change its sum.
        sums = self._sums or [0.0] * len(self.names)
        for value_row in values.tolist():
            sums = [total + value for total, value in zip(sums, value_row, strict=True)]
        self._sums, self._count = sums, self._count + len(values)
        self._filled = 0
