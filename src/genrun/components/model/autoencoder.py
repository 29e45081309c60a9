"""The autoencoder (Rumelhart, Hinton and Williams, 1986), trained on squared error."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.core import noise
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player

STORED_CODES = 512


class CodeDistribution(nn.Module):
    """A Gaussian with the mean and covariance of up to `STORED_CODES` training codes.

    It stores the centred codes and samples random combinations of them, so that no covariance
    matrix is factored.
    """

    codes: Tensor
    mean: Tensor
    lowest: Tensor
    highest: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.zeros(STORED_CODES, width))
        for name in ("mean", "lowest", "highest"):
            self.register_buffer(name, torch.zeros(width))

    def fit(self, codes: Tensor) -> None:
        """Fits the Gaussian to codes (count, width); rows without a code stay zero."""
        count = min(len(codes), STORED_CODES)
        self.mean.copy_(codes[:count].mean(0))
        self.lowest.copy_(codes.amin(0))
        self.highest.copy_(codes.amax(0))
        self.codes.zero_()
        scale = ((STORED_CODES - 1) / max(count - 1, 1)) ** 0.5
        self.codes[:count] = (codes[:count] - self.mean) * scale

    def sample(self, count: int, key: Key) -> Tensor:
        """Returns Gaussian codes (count, width).

        Each dimension is clamped to its range in training: codes of a ReLU are not negative.
        """
        weights = noise.normal(key, (count, STORED_CODES), like=self.codes)
        drawn: Tensor = self.mean + weights @ self.codes / (STORED_CODES - 1) ** 0.5
        return drawn.clamp(self.lowest, self.highest)


@dataclass(frozen=True)
class Autoencoder:
    """Encoder and decoder; the loss is the mean squared error a pixel.

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
                "codes": CodeDistribution(width),
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
        _code_distribution(nets).fit(nets["encoder"](images))

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        codes = _code_distribution(nets).sample(count, key)
        images: Tensor = nets["decoder"](codes)
        return images.clamp(0, 1)


def _code_distribution(nets: nn.ModuleDict) -> CodeDistribution:
    distribution = nets["codes"]
    assert isinstance(distribution, CodeDistribution)
    return distribution
