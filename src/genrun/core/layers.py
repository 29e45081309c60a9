"""The hidden layer that backbones build from and regularizations reach into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


def activation(name: str) -> nn.Module:
    """The named activation; `leaky_relu` has slope 0.2, as in DCGAN.

    Raises `ValueError` with the names that are allowed.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"activation={name} is none of {', '.join(ACTIVATIONS)}")
    return nn.LeakyReLU(0.2) if name == "leaky_relu" else ACTIVATIONS[name]()


class Hidden(nn.Module):
    """A linear map and its activation, with room for normalization before and dropout after.

    Takes what `linear` takes; gives (batch, channels), or (batch, channels, height, width) if
    `spatial`.
    """

    def __init__(
        self, linear: nn.Module, activation: nn.Module, channels: int, spatial: bool
    ) -> None:
        super().__init__()
        self.linear = linear
        self.before = nn.Sequential()
        self.activation = activation
        self.after = nn.Sequential()
        self.channels = channels
        self.spatial = spatial

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.linear(inputs)
        if len(self.before) > 0:  # an empty Sequential still costs microseconds a call
            outputs = self.before(outputs)
        outputs = self.activation(outputs)
        return self.after(outputs) if len(self.after) > 0 else outputs


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """While open, layers that follow their inputs (`track_running_stats`) do not move.

    They still normalize by the batch. For a second look at the same images: inside
    `torch.func.grad` nothing may be changed in place, and no image should count twice.
    """
    moving = [m for m in network.modules() if getattr(m, "track_running_stats", False)]
    for module in moving:
        setattr(module, "track_running_stats", False)  # noqa: B010  # not every module has it
    try:
        yield
    finally:
        for module in moving:
            setattr(module, "track_running_stats", True)  # noqa: B010
