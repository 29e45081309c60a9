"""The all-reduce of a turn, with a simulated other process."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genrun.core.process_rank import ProcessRank
from genrun.training.distributed.gradient_sync import GradientSync
from genrun.training.distributed.process_group import ProcessGroup


class Other(ProcessGroup):
    """Adds what another process would have sent, in the order of the message."""

    def __init__(self, rank: int, **sent: list[float]) -> None:
        super().__init__(ProcessRank(rank=rank, world_size=2))
        self.sent = sent
        self.dtypes: list[torch.dtype] = []

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        self.dtypes.append(tensor.dtype)
        return tensor.add_(torch.tensor(sum(self.sent.values(), []), dtype=tensor.dtype))


class Network(nn.Module):
    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, 1, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(1))
        self.unused = nn.Parameter(torch.zeros(3))
        self.register_buffer("mean", torch.tensor([5.0]))
        self.register_buffer("count", torch.tensor(7))
        self.weight.grad = torch.tensor([[1.0], [2.0]], dtype=dtype)
        self.bias.grad = torch.tensor([3.0])


CPU = torch.device("cpu")
SENT = {"gradients": [3.0, 4.0, 9.0], "buffers": [0.0], "signal": [0.0], "seconds": [0.0]}


@pytest.mark.parametrize(("rank", "mean"), [(0, 5.0), (1, 11.0)])
def test_gradients_are_averaged_and_buffers_are_rank_0s(rank: int, mean: float) -> None:
    network = Network()
    others = Other(rank, **{**SENT, "buffers": [11.0 * rank]})
    GradientSync(others, [network], CPU).average_gradients(list(network.parameters()))
    assert network.weight.grad is not None
    assert network.bias.grad is not None
    assert network.weight.grad.tolist() == [[2.0], [3.0]]
    assert network.bias.grad.tolist() == [6.0]
    assert network.unused.grad is None
    assert network.get_buffer("mean").tolist() == [mean]
    assert network.get_buffer("count").item() == 7


def test_mixed_dtypes_keep_their_precision() -> None:
    network = Network(torch.float64)
    assert network.weight.grad is not None
    network.weight.grad += 1e-12
    others = Other(0, **SENT)
    GradientSync(others, [network], CPU).average_gradients(list(network.parameters()))
    assert others.dtypes == [torch.float64]
    assert network.weight.grad.tolist() == [[2 + 5e-13], [3 + 5e-13]]


@pytest.mark.parametrize("delay", [0, 1])
def test_a_signal_reaches_all_ranks_and_on_a_gpu_one_message_later(
    delay: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Event:
        def record(self) -> None: ...
        def synchronize(self) -> None: ...

    monkeypatch.setattr(torch.cuda, "Event", Event)
    network, here = Network(), [False]
    others = Other(0, **SENT)
    sync = GradientSync(others, [network], CPU)
    sync._delay = delay
    stop, seconds = sync.synchronize(lambda: here[0], lambda: 2.5)

    def turn(**sent: Any) -> bool:
        others.sent = {**SENT, **sent}
        sync.average_gradients(list(network.parameters()))
        return stop()

    assert not turn()
    assert [turn(signal=[1.0]), turn(), turn()] == [delay == 0, True, True]
    assert seconds() == 2.5
    assert not here[0], "this process received no signal"
