"""Free bits (Kingma et al., 1606.04934, appendix C.8)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


class AtLeast(nn.Module):
    """Each dimension's KL, averaged over the batch, but never less than `nats`."""

    def __init__(self, nats: float) -> None:
        super().__init__()
        self.nats = nats

    def forward(self, kl: Tensor) -> Tensor:
        return kl.mean(0, keepdim=True).clamp(min=self.nats)


@dataclass(frozen=True)
class FreeBits:
    """So much KL a latent dimension costs nothing: there is no gain in less (equation 15).

    Each dimension is a group of its own; the mean is over the images of the batch.
    """

    nats: float
    is_weight = False

    def build_kl_layer(self) -> nn.Module:
        return AtLeast(self.nats)
