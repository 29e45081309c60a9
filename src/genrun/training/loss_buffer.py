"""Losses buffered on the device until a row of the log is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from genrun.core.errors import ConfigError, Diverged
from genrun.core.types import Metrics

READ_AT_MOST = 1000  # steps buffered before they are summed, so that memory does not grow


class LossBuffer:
    """The values of the steps since the last row of the log.

    They are copied into one preallocated buffer: thousands of small tensors kept alive would leave
    holes in the heap that the next step's large tensors do not fit into (60 page faults a step).
    Reading is the only time training waits for the device, and every single step is checked then:
    a value that is not finite is reported with the step at which it arose. With several processes
    each fills its own buffer, and what is read is the mean over all of them (`mean`).
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
        """Returns the mean of each value since the last row, and empties the buffer.

        Raises `Diverged` at the first step with a value that is not finite.
        """
        self.check()
        means = {
            name: total / self._count for name, total in zip(self.names, self._sums, strict=True)
        }
        self._sums, self._count = [], 0
        return means

    def state(self) -> dict[str, object]:
        """The sums for a checkpoint between two rows. Raises as `read` does."""
        self.check()
        return {"names": list(self.names), "sums": self._sums, "count": self._count}

    def restore(self, names: Sequence[str], sums: Sequence[float], count: int) -> None:
        self.names, self._sums, self._count = tuple(names), list(sums), count

    def check(self) -> None:
        """Adds the buffer's rows to the sums. Raises as `read` does."""
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
        # Added one by one, so that when the buffer was emptied does not change the sum.
        sums = self._sums or [0.0] * len(self.names)
        for value_row in values.tolist():
            sums = [total + value for total, value in zip(sums, value_row, strict=True)]
        self._sums, self._count = sums, self._count + len(values)
        self._filled = 0
