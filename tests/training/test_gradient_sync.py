"""The one message of a turn, with the other process made up."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genrun.core.process_rank import ProcessRank
from genrun.training.distributed.gradient_sync import GradientSync
from genrun.training.distributed.process_group import ProcessGroup


class Other(ProcessGroup):
    """Adds what another process would have sent, by the place in the message."""

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
def test_gradients_are_averaged_and_rank_0s_buffers_taken(rank: int, mean: float) -> None:
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


def test_numbers_keep_their_precision_beside_coarser_ones() -> None:
    network = Network(torch.float64)
    assert network.weight.grad is not None
    network.weight.grad += 1e-12
    others = Other(0, **SENT)
    GradientSync(others, [network], CPU).average_gradients(list(network.parameters()))
    assert others.dtypes == [torch.float64]
    assert network.weight.grad.tolist() == [[2 + 5e-13], [3 + 5e-13]]


@pytest.mark.parametrize("late", [0, 1])
def test_a_signal_is_known_to_all_and_on_a_gpu_a_message_later(
    late: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Event:
        def record(self) -> None: ...
        def synchronize(self) -> None: ...

    monkeypatch.setattr(torch.cuda, "Event", Event)
    network, here = Network(), [False]
    others = Other(0, **SENT)
    exchange = GradientSync(others, [network], CPU)
    exchange._delay = late
    stop, seconds = exchange.synchronize(lambda: here[0], lambda: 2.5)

    def turn(**sent: Any) -> bool:
        others.sent = {**SENT, **sent}
        exchange.average_gradients(list(network.parameters()))
        return stop()

    assert not turn()
    assert [turn(signal=[1.0]), turn(), turn()] == [late == 0, True, True]
    assert seconds() == 2.5
    assert not here[0], "this process got none"
