"""The hidden layer that backbones build from and regularizations reach into."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from genrun.core.types import Metrics

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


def make_activation(name: str) -> nn.Module:
    """Returns the named activation; `leaky_relu` has slope 0.2, as in DCGAN.

    Raises `ValueError` if the name is not in `ACTIVATIONS`.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"activation={name}: must be one of {', '.join(ACTIVATIONS)}")
    return nn.LeakyReLU(0.2) if name == "leaky_relu" else ACTIVATIONS[name]()


class HiddenLayer(nn.Sequential):
    """A linear map and its activation, to which normalization and dropout can be added.

    Its output is (batch, channels), or (batch, channels, height, width) if `spatial`. It is a flat
    sequence, as each level of nested modules costs microseconds a call.
    """

    def __init__(
        self, linear: nn.Module, activation: nn.Module, channels: int, spatial: bool
    ) -> None:
        super().__init__(OrderedDict(linear=linear, activation=activation))
        self.channels = channels
        self.spatial = spatial

    def add_layer(self, layer: nn.Module, before_activation: bool) -> None:
        """Inserts `layer` before the activation, or appends it."""
        self.add_module(f"added_{len(self) - 2}", layer)
        if before_activation:
            names = list(self._modules)
            for name in names[names.index("activation") : -1]:
                self._modules[name] = self._modules.pop(name)  # moves it behind the new layer


class InputTransform(nn.Module):
    """A network whose images go through `layer` first, in training mode only.

    Both take (batch, channels, height, width); other arguments are passed to the network.
    """

    def __init__(self, layer: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.network = network

    def forward(self, images: Tensor, *others: Any) -> Any:
        return self.network(self.layer(images) if self.training else images, *others)


def without_input_transforms(critic: nn.Module) -> nn.Module:
    """Returns the network inside of all its input transforms."""
    while isinstance(critic, InputTransform):
        critic = critic.network
    return critic


def report_logits(critic: nn.Module, logits: Tensor, boundary: float | None) -> Metrics:
    """Reports a critic's logits of real images to its input transforms, once per turn.

    `logits` is of shape (batch,), above `boundary` for an image classified as real; None stands
    for a critic without a boundary. Layers with a method `observe_logits` get the difference, and
    may change their buffers as BatchNorm does. Returns the values that they log.
    """
    logged: Metrics = {}
    while isinstance(critic, InputTransform) and boundary is not None:
        observe = getattr(critic.layer, "observe_logits", None)
        logged |= {} if observe is None else observe(logits.detach() - boundary)
        critic = critic.network
    return logged


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Context in which layers with running statistics do not update them.

    They still normalize by the batch. For a second pass over the same images: inside of
    `torch.func.grad` nothing may be changed in place, and no image should count twice.
    """
    tracking = [m for m in network.modules() if getattr(m, "track_running_stats", False)]
    for module in tracking:
        setattr(module, "track_running_stats", False)  # noqa: B010  # not every module has it
    try:
        yield
    finally:
        for module in tracking:
            setattr(module, "track_running_stats", True)  # noqa: B010
