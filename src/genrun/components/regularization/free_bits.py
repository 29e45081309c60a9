"""Free bits (Kingma et al., 1606.04934, appendix C.8)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


class MinimumKL(nn.Module):
    """Averages each dimension's KL over the batch and raises it to at least `nats`.

    From (batch, latent_dim) to (1, latent_dim).
    """

    def __init__(self, nats: float) -> None:
        super().__init__()
        self.nats = nats

    def forward(self, kl: Tensor) -> Tensor:
        return kl.mean(0, keepdim=True).clamp(min=self.nats)


@dataclass(frozen=True)
class FreeBits:
    """The KL of a latent dimension costs at least `nats`, so that less is no gain (equation 15).

    Each dimension is a group of its own; the mean is over the images of the batch.
    """

    nats: float
    is_weight = False

    def build_kl_layer(self) -> nn.Module:
        return MinimumKL(self.nats)
