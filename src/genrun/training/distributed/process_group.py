"""The processes that train one run together, and what they tell each other."""

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

PATIENCE = timedelta(hours=1)  # for one that is alive and does not answer, as it may be evaluating

T = TypeVar("T")


class ProcessGroup:
    """Every method is called by all of them, in the same order; alone it does nothing.

    Raises `ProcessLost` where another one has ended. Sums have the same bits everywhere, so what
    is computed from them is the same everywhere.
    """

    def __init__(self, place: ProcessRank) -> None:
        self.rank = place.rank
        self.size = place.world_size

    @classmethod
    def join(cls, place: ProcessRank, device: torch.device) -> ProcessGroup:
        """Waits for the others that torchrun started. Tensors on CPU and device can be sent."""
        if place.world_size > 1 and not dist.is_initialized():
            backend = "gloo" if device.type == "cpu" else f"cpu:gloo,{device.type}:nccl"
            with _lost():
                dist.init_process_group(backend, timeout=PATIENCE)
            atexit.register(dist.destroy_process_group)
        return cls(place)

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        """Adds up, in place."""
        if self.size > 1:
            with _lost():
                dist.all_reduce(tensor)
        return tensor

    def mean(self, tensor: Tensor) -> Tensor:
        return self.all_reduce_sum(tensor.clone()) / self.size if self.size > 1 else tensor

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Overwrites the tensors by those of rank 0."""
        if self.size > 1:
            with _lost(), torch.no_grad():
                for tensor in tensors:
                    dist.broadcast(tensor, src=0)

    def on_rank_zero(self, work: Callable[[], T]) -> T:
        """What `work` gives on rank 0, which alone does it: JSON's types.

        A `GenrunError` that it raises is raised everywhere.
        """
        if self.size == 1:
            return work()
        if self.rank > 0:
            return cast(T, self._hear())
        try:
            result = work()
        except GenrunError as error:
            self._tell({"raised": type(error).__name__, "text": str(error)})
            raise
        self._tell({"result": result})
        return result

    def broadcast_object(self, value: T) -> T:
        """Rank 0's value, of JSON's types."""
        return self.on_rank_zero(lambda: value)

    def barrier(self) -> None:
        """Until all are here."""
        self.all_reduce_sum(torch.zeros(1))

    def _tell(self, message: dict[str, Any]) -> None:
        text = torch.frombuffer(bytearray(json.dumps(message).encode()), dtype=torch.uint8)
        self.broadcast([torch.tensor(len(text)), text])

    def _hear(self) -> Any:
        length = torch.tensor(0)
        self.broadcast([length])
        text = torch.empty(int(length), dtype=torch.uint8)
        self.broadcast([text])
        message = json.loads(text.numpy().tobytes())
        if "raised" in message:
            raise getattr(errors, message["raised"])(message["text"])
        return message["result"]


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # which kind depends on where gloo and NCCL notice it
        first_line = (str(error) or type(error).__name__).splitlines()[0]
        text = f"another process of this run ended or cannot be reached ({first_line})"
        raise ProcessLost(text) from error
