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


def activation(name: str) -> nn.Module:
    """The named activation; `leaky_relu` has slope 0.2, as in DCGAN.

    Raises `ValueError` with the names that are allowed.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"activation={name} is none of {', '.join(ACTIVATIONS)}")
    return nn.LeakyReLU(0.2) if name == "leaky_relu" else ACTIVATIONS[name]()


class HiddenLayer(nn.Sequential):
    """A linear map and its activation, to which normalization and dropout can be added.

    Takes what `linear` takes; gives (batch, channels), or (batch, channels, height, width) if
    `spatial`. A plain sequence, as calls of modules inside modules cost microseconds each.
    """

    def __init__(
        self, linear: nn.Module, activation: nn.Module, channels: int, spatial: bool
    ) -> None:
        super().__init__(OrderedDict(linear=linear, activation=activation))
        self.channels = channels
        self.spatial = spatial

    def add_layer(self, layer: nn.Module, before_activation: bool) -> None:
        """Puts `layer` between the linear map and the activation, or at the end."""
        self.add_module(f"added_{len(self) - 2}", layer)
        if before_activation:
            names = list(self._modules)
            for name in names[names.index("activation") : -1]:
                self._modules[name] = self._modules.pop(name)  # behind the new layer


class InputTransform(nn.Module):
    """A network that sees its images through `layer` while it trains, and as they are otherwise.

    Both take (batch, channels, height, width); whatever else the network takes is passed on.
    """

    def __init__(self, layer: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.network = network

    def forward(self, images: Tensor, *others: Any) -> Any:
        return self.network(self.layer(images) if self.training else images, *others)


def without_input_transforms(critic: nn.Module) -> nn.Module:
    """The network itself, without what it sees its images through."""
    while isinstance(critic, InputTransform):
        critic = critic.network
    return critic


def report_logits(critic: nn.Module, judged: Tensor, boundary: float | None) -> Metrics:
    """Tells layers that a critic sees through how it judged real images in its turn.

    `judged` is of shape (batch,), above `boundary` where an image seems real. Layers with a
    method `watch` are told by how much, and may move their buffers as BatchNorm does. Gives what
    they want logged.
    """
    told: Metrics = {}
    while isinstance(critic, InputTransform) and boundary is not None:
        watch = getattr(critic.layer, "observe_logits", None)
        told |= {} if watch is None else watch(judged.detach() - boundary)
        critic = critic.network
    return told


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
