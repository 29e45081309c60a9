"""Averaging gradients over processes, with the stop signal in the same all-reduce."""

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

    The same all-reduce carries whether a process received a signal and rank 0's seconds of
    training, so that all processes stop at the same step, and rank 0's buffers (BatchNorm's
    statistics), which replace everyone's, as they would if the run were resumed from its
    checkpoint. Integer buffers (counters) are left alone: they are the same everywhere.

    On a GPU the signal and the seconds are read one message later than on a CPU, so that nothing
    waits for the device.
    """

    def __init__(
        self, processes: ProcessGroup, trained: Sequence[nn.Module], device: torch.device
    ) -> None:
        self._processes = processes
        buffers = [buffer for network in trained for buffer in network.buffers()]
        self._buffers = [buffer for buffer in buffers if buffer.is_floating_point()]
        self._status = torch.zeros(2, device=device)
        self._pending: deque[tuple[Tensor, torch.cuda.Event | None]] = deque()
        self._delay = 1 if device.type == "cuda" else 0  # messages by which the status lags behind
        self._signalled: Callable[[], bool] = lambda: False
        self._seconds: Callable[[], float] = lambda: 0.0
        self._latest = (0.0, 0.0)

    def synchronize(
        self, signalled: Callable[[], bool], seconds: Callable[[], float]
    ) -> tuple[Callable[[], bool], Callable[[], float]]:
        """Replaces this process's signal and seconds by values equal on all ranks at each step."""
        self._signalled, self._seconds = signalled, seconds
        return lambda: self._latest[SIGNAL] > 0, lambda: self._latest[SECONDS]

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        is_rank_zero = self._processes.rank == 0
        self._status[SIGNAL] = float(self._signalled())
        self._status[SECONDS] = self._seconds() if is_rank_zero else 0.0
        buffers = self._buffers if is_rank_zero else [torch.zeros_like(b) for b in self._buffers]
        sent = [*gradients, *buffers, self._status]
        widest = reduce(torch.promote_types, [tensor.dtype for tensor in sent])
        message = torch.cat([tensor.flatten().to(widest) for tensor in sent])
        self._processes.all_reduce_sum(message)
        message[: sum(gradient.numel() for gradient in gradients)] /= self._processes.world_size
        parts = torch.split(message, [tensor.numel() for tensor in sent])
        targets = [*gradients, *self._buffers]
        views = [part.view_as(target) for target, part in zip(targets, parts, strict=False)]
        torch._foreach_copy_(targets, views)
        self._receive_status(parts[-1])

    def mean(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Returns the means over the processes, without buffers or status."""
        message = self._processes.mean(torch.cat([tensor.flatten() for tensor in tensors]))
        parts = torch.split(message, [tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    def _receive_status(self, status: Tensor) -> None:
        event = None
        if self._delay:
            status = status.to("cpu", non_blocking=True)
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch's own
            event.record()
        self._pending.append((status, event))
        while len(self._pending) > self._delay:
            arrived, event = self._pending.popleft()
            if event is not None:
                event.synchronize()
            signal, seconds = arrived.tolist()
            self._latest = (self._latest[SIGNAL] + signal, seconds)
