"""The plain autoencoder (Rumelhart, Hinton and Williams, 1986), trained on squared error."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player

CODES_KEPT = 512


class CodeBank(nn.Module):
    """Some training codes, centred: what a Gaussian over codes needs to be drawn from.

    The samples' covariance is the codes' own, without a matrix of that size being factored.
    """

    codes: Tensor
    mean: Tensor
    lowest: Tensor
    highest: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.zeros(CODES_KEPT, width))
        for name in ("mean", "lowest", "highest"):
            self.register_buffer(name, torch.zeros(width))

    def fit(self, codes: Tensor) -> None:
        """Takes codes (count, width); with fewer than the bank holds, the rest stay zero."""
        count = min(len(codes), CODES_KEPT)
        self.mean.copy_(codes[:count].mean(0))
        self.lowest.copy_(codes.amin(0))
        self.highest.copy_(codes.amax(0))
        self.codes.zero_()
        scale = ((CODES_KEPT - 1) / max(count - 1, 1)) ** 0.5
        self.codes[:count] = (codes[:count] - self.mean) * scale

    def draw(self, count: int, key: Key) -> Tensor:
        """Gaussian codes (count, width) with the bank's mean and covariance.

        Each dimension is kept in the range that was seen: codes of a ReLU are not negative.
        """
        weights = noise.normal(key, (count, CODES_KEPT), like=self.codes)
        drawn: Tensor = self.mean + weights @ self.codes / (CODES_KEPT - 1) ** 0.5
        return drawn.clamp(self.lowest, self.highest)


@dataclass(frozen=True)
class Autoencoder:
    """Encoder, code, decoder; the loss is the mean squared error a pixel.

    An autoencoder has no prior. It is sampled by ex-post density estimation (Ghosh et al.,
    1903.12436): a Gaussian fitted to the codes of training images. `latent_dim=None` takes the
    backbone's last features as the code: 784-256-784 with `hidden=[256]`.
    """

    latent_dim: int | None
    monitor = "mse"
    data_range = (0.0, 1.0)

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        encoder = backbone.build_encoder(spec, self.latent_dim)
        with torch.no_grad():
            width = encoder(torch.zeros(1, *spec.shape)).shape[1]
        return nn.ModuleDict(
            {
                "encoder": encoder,
                "decoder": backbone.build_decoder(spec, self.latent_dim),
                "codes": CodeBank(width),
            }
        )

    def players(self) -> tuple[Player, ...]:
        return (Player("autoencoder", networks=("encoder", "decoder")),)

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        return nn.functional.mse_loss(self.reconstruct(nets, batch), batch), {}

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        return {"mse": (self.reconstruct(nets, batch) - batch).square().flatten(1).mean(1)}

    def reconstruct(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        reconstructed: Tensor = nets["decoder"](nets["encoder"](images))
        return reconstructed

    def calibrate(self, nets: nn.ModuleDict, images: Tensor) -> None:
        _bank(nets).fit(nets["encoder"](images))

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        codes = _bank(nets).draw(count, key)
        images: Tensor = nets["decoder"](codes)
        return images.clamp(0, 1)


def _bank(nets: nn.ModuleDict) -> CodeBank:
    bank = nets["codes"]
    assert isinstance(bank, CodeBank)
    return bank
