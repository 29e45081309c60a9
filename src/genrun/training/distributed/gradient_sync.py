"""What processes that train together exchange in each player's turn: one message."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from genrun.training.distributed.process_group import ProcessGroup

SIGNAL, SECONDS = range(2)


class GradientSync:
    """Averages a player's gradients over the processes, before anything else changes them.

    With them go, in the same message: whether a process got a signal, and rank 0's seconds of
    training, so that all stop at the same step; and rank 0's buffers (BatchNorm's statistics),
    which take the place of everybody's, as they would when the run is resumed from its checkpoint.
    Counters are left alone: they are the same everywhere.

    On a GPU the two numbers are read a message later than on a CPU, so that nothing waits for it.
    """

    def __init__(
        self, processes: ProcessGroup, trained: Sequence[nn.Module], device: torch.device
    ) -> None:
        self._processes = processes
        buffers = [buffer for network in trained for buffer in network.buffers()]
        self._buffers = [buffer for buffer in buffers if buffer.is_floating_point()]
        self._told = torch.zeros(2, device=device)
        self._coming: deque[tuple[Tensor, torch.cuda.Event | None]] = deque()
        self._late = 1 if device.type == "cuda" else 0  # messages that are not waited for
        self._signalled: Callable[[], bool] = lambda: False
        self._seconds: Callable[[], float] = lambda: 0.0
        self._known = (0.0, 0.0)

    def synchronize(
        self, signalled: Callable[[], bool], seconds: Callable[[], float]
    ) -> tuple[Callable[[], bool], Callable[[], float]]:
        """What this process knows; in its place gives what all know at the same step."""
        self._signalled, self._seconds = signalled, seconds
        return lambda: self._known[SIGNAL] > 0, lambda: self._known[SECONDS]

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        first = self._processes.rank == 0
        self._told[SIGNAL] = float(self._signalled())
        self._told[SECONDS] = self._seconds() if first else 0.0
        buffers = self._buffers if first else [torch.zeros_like(b) for b in self._buffers]
        sent = [*gradients, *buffers, self._told]
        widest = reduce(torch.promote_types, [tensor.dtype for tensor in sent])
        message = torch.cat([tensor.flatten().to(widest) for tensor in sent])
        self._processes.all_reduce_sum(message)
        message[: sum(gradient.numel() for gradient in gradients)] /= self._processes.size
        parts = torch.split(message, [tensor.numel() for tensor in sent])
        kept = [*gradients, *self._buffers]
        views = [part.view_as(own) for own, part in zip(kept, parts, strict=False)]
        torch._foreach_copy_(kept, views)
        self._keep(parts[-1])

    def mean(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Over the processes, and nothing beside it."""
        message = self._processes.mean(torch.cat([tensor.flatten() for tensor in tensors]))
        parts = torch.split(message, [tensor.numel() for tensor in tensors])
        return [part.view_as(own) for part, own in zip(parts, tensors, strict=True)]

    def _keep(self, told: Tensor) -> None:
        event = None
        if self._late:
            told = told.to("cpu", non_blocking=True)
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch's own
            event.record()
        self._coming.append((told, event))
        while len(self._coming) > self._late:
            arrived, event = self._coming.popleft()
            if event is not None:
                event.synchronize()
            signal, seconds = arrived.tolist()
            self._known = (self._known[SIGNAL] + signal, seconds)
