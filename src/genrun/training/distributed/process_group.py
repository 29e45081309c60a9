"""The processes that train one run together: torch.distributed with genrun's errors."""

from __future__ import annotations

import atexit
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from genrun.core import errors
from genrun.core.errors import GenrunError, ProcessLost
from genrun.core.process_rank import ProcessRank

TIMEOUT = timedelta(hours=1)  # rank 0 may be evaluating while the others wait

T = TypeVar("T")


class ProcessGroup:
    """All ranks call every method in the same order; with a single process they do nothing.

    Raises `ProcessLost` if another process has ended. Sums have the same bits in all processes, so
    what is computed from them is the same everywhere.
    """

    def __init__(self, process_rank: ProcessRank) -> None:
        self.rank = process_rank.rank
        self.world_size = process_rank.world_size

    @classmethod
    def join(cls, process_rank: ProcessRank, device: torch.device) -> ProcessGroup:
        """Waits for all processes that torchrun started. CPU and device tensors can be sent."""
        if process_rank.world_size > 1 and not dist.is_initialized():
            backend = "gloo" if device.type == "cpu" else f"cpu:gloo,{device.type}:nccl"
            with _process_lost_errors():
                dist.init_process_group(backend, timeout=TIMEOUT)
            atexit.register(dist.destroy_process_group)
        return cls(process_rank)

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        """Sums a tensor over the processes, in process_rank."""
        if self.world_size > 1:
            with _process_lost_errors():
                dist.all_reduce(tensor)
        return tensor

    def mean(self, tensor: Tensor) -> Tensor:
        return (
            self.all_reduce_sum(tensor.clone()) / self.world_size
            if self.world_size > 1
            else tensor
        )

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Overwrites the tensors with those of rank 0."""
        if self.world_size > 1:
            with _process_lost_errors(), torch.no_grad():
                for tensor in tensors:
                    dist.broadcast(tensor, src=0)

    def on_rank_zero(self, work: Callable[[], T]) -> T:
        """Calls `work` on rank 0 only, and returns its result (JSON's types) on all ranks.

        A `GenrunError` that it raises is raised on all ranks.
        """
        if self.world_size == 1:
            return work()
        if self.rank > 0:
            return cast(T, self._receive_message())
        try:
            result = work()
        except GenrunError as error:
            self._send_message({"raised": type(error).__name__, "text": str(error)})
            raise
        self._send_message({"result": result})
        return result

    def broadcast_object(self, value: T) -> T:
        """Returns rank 0's value, of JSON's types."""
        return self.on_rank_zero(lambda: value)

    def barrier(self) -> None:
        """Blocks until all processes have called it."""
        self.all_reduce_sum(torch.zeros(1))

    def _send_message(self, message: dict[str, Any]) -> None:
        text = torch.frombuffer(bytearray(json.dumps(message).encode()), dtype=torch.uint8)
        self.broadcast([torch.tensor(len(text)), text])

    def _receive_message(self) -> Any:
        length = torch.tensor(0)
        self.broadcast([length])
        text = torch.empty(int(length), dtype=torch.uint8)
        self.broadcast([text])
        message = json.loads(text.numpy().tobytes())
        if "raised" in message:
            raise getattr(errors, message["raised"])(message["text"])
        return message["result"]


@contextmanager
def _process_lost_errors() -> Iterator[None]:
    """Turns errors of the communication into `ProcessLost`."""
    try:
        yield
    except RuntimeError as error:  # gloo and NCCL raise different subclasses
        first_line = (str(error) or type(error).__name__).splitlines()[0]
        text = f"another process of this run ended or cannot be reached ({first_line})"
        raise ProcessLost(text) from error
