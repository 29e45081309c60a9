"""The vector-quantized autoencoder (van den Oord et al., 1711.00937)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from genrun.components.model._code_prior import CodePrior
from genrun.components.model._variational import BERNOULLI_NOTE
from genrun.components.model._variational import cross_entropy as pixel_cross_entropy
from genrun.core.errors import ConfigError
from genrun.core.layers import frozen_statistics
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player


class Codebook(nn.Module):
    """A table of `codes` entries, vectors of `code_dim`; an image has one at each position."""

    def __init__(self, positions: int, codes: int, code_dim: int) -> None:
        super().__init__()
        self.positions = positions
        self.table = nn.Embedding(codes, code_dim)
        nn.init.uniform_(self.table.weight, -1 / codes, 1 / codes)

    @property
    def entries(self) -> Tensor:
        """The vectors, (codes, code_dim)."""
        return self.table.weight

    def split_positions(self, encoded: Tensor) -> Tensor:
        """Returns an encoder's outputs, (batch, width), as (batch, positions, code_dim)."""
        return encoded.reshape(-1, self.positions, self.entries.shape[1])

    def quantize(self, vectors: Tensor) -> Tensor:
        """Returns the code of each vector, that of the nearest entry (equation 1).

        From (batch, positions, code_dim) to int64 (batch, positions).
        """
        entries = self.entries.detach()
        products = vectors.detach() @ entries.T
        return (entries.square().sum(1) - 2 * products).argmin(-1)


class CodeDecoder(nn.Module):
    """The codebook, and the decoder of vectors (batch, positions, code_dim) to image logits."""

    def __init__(self, codebook: Codebook, body: nn.Module) -> None:
        super().__init__()
        self.codebook = codebook
        self.body = body

    def forward(self, vectors: Tensor) -> Tensor:
        logits: Tensor = self.body(vectors.flatten(1))
        return logits


@dataclass(frozen=True)
class VQVAE:
    """An autoencoder whose latent code is, at each of `positions` positions, a codebook entry.

    The encoder's outputs, positions * `code_dim` of them, are split into one vector a position,
    which is replaced by the nearest entry. The player `autoencoder` minimizes equation 3: the
    cross-entropy of the pixels (as the VAE's), with the straight-through gradient for the
    encoder, plus the squared distance of the entries to the encoder's vectors, plus `commitment`
    (beta) times the same for the encoder; all are summed over an image. The player `prior` learns
    the distribution of codes at the same time: a small causal transformer in place of the paper's
    PixelCNN, which is trained afterwards. Samples are drawn from it, and with a posterior
    concentrated on one code it bounds log p(x) >= log p(x | codes) + log p(codes).
    """

    positions: int
    codes: int
    code_dim: int
    commitment: float
    prior_width: int
    prior_layers: int
    monitor = "negative_elbo"
    data_range = (0.0, 1.0)
    likelihood_note = BERNOULLI_NOTE

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        if spec.points:
            raise ConfigError(
                "model=vq_vae takes each value for the probability of a pixel, which a coordinate "
                "is not; for points use e.g. model=gan or model=normalizing_flow"
            )
        width = self.positions * self.code_dim
        return nn.ModuleDict(
            {
                "encoder": backbone.build_encoder(spec, width),
                "decoder": CodeDecoder(
                    Codebook(self.positions, self.codes, self.code_dim),
                    backbone.build_decoder(spec, width),
                ),
                "prior": CodePrior(
                    self.positions, self.codes, self.prior_width, self.prior_layers
                ),
            }
        )

    def players(self) -> tuple[Player, ...]:
        return (
            Player("autoencoder", networks=("encoder", "decoder")),
            Player("prior", networks=("prior",)),
        )

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        if player == "prior":
            with torch.no_grad(), frozen_statistics(nets["encoder"]):
                codes = self.encode(nets, batch)[1]
            return code_length(nets, codes).mean(), {}
        vectors, codes = self.encode(nets, batch)
        entries = get_codebook(nets).entries[codes]
        straight_through = vectors + (entries - vectors).detach()
        reconstruction = pixel_cross_entropy(nets["decoder"](straight_through), batch).mean()
        distance = (entries - vectors.detach()).square().sum((1, 2)).mean()
        commitment = (vectors - entries.detach()).square().sum((1, 2)).mean()
        loss = reconstruction + distance + self.commitment * commitment
        return loss, {
            "reconstruction": reconstruction,
            "code_distance": distance,
            **codebook_usage(codes, self.codes, like=vectors),
        }

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Returns the negative ELBO and its two parts in nats, (batch,) each.

        Also `largest_code_share`, (batch, codes), of which the largest mean is reported: the
        fraction of positions with the most frequent code. Near 1 the codebook has collapsed.
        """
        codes = self.encode(nets, batch)[1]
        entries = get_codebook(nets).entries[codes]
        reconstruction = pixel_cross_entropy(nets["decoder"](entries), batch)
        length = code_length(nets, codes)
        return {
            "negative_elbo": reconstruction + length,
            "reconstruction": reconstruction,
            "code_length": length,
            "largest_code_share": one_hot(codes, self.codes, like=batch).mean(1),
        }

    def negative_log_likelihood(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        return {"negative_elbo": self.evaluate(nets, batch, key)["negative_elbo"]}

    def reconstruct(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        codes = self.encode(nets, images)[1]
        return torch.sigmoid(nets["decoder"](get_codebook(nets).entries[codes]))

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        prior = nets["prior"]
        assert isinstance(prior, CodePrior)
        codes = prior.sample(count, key)
        return torch.sigmoid(nets["decoder"](get_codebook(nets).entries[codes]))

    def encode(self, nets: nn.ModuleDict, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns vectors (batch, positions, code_dim) and their codes (batch, positions)."""
        vectors = get_codebook(nets).split_positions(nets["encoder"](images))
        return vectors, get_codebook(nets).quantize(vectors)


def get_codebook(nets: nn.ModuleDict) -> Codebook:
    """Returns the codebook, which the decoder contains."""
    decoder = nets["decoder"]
    assert isinstance(decoder, CodeDecoder)
    return decoder.codebook


def code_length(nets: nn.ModuleDict, codes: Tensor) -> Tensor:
    """Returns -log p(codes) by the prior, in nats, (batch,)."""
    logits = nets["prior"](codes)
    return cross_entropy(logits.transpose(1, 2), codes, reduction="none").sum(1)


def one_hot(codes: Tensor, count: int, like: Tensor) -> Tensor:
    """Returns codes (batch, positions) as 0 and 1, (batch, positions, count)."""
    numbers = torch.arange(count, device=codes.device)
    return (codes.unsqueeze(-1) == numbers).to(like.dtype)


def codebook_usage(codes: Tensor, count: int, like: Tensor) -> Metrics:
    """Returns the number of different codes in a batch and their perplexity, of shape () each."""
    frequencies = one_hot(codes, count, like).mean((0, 1))
    entropy = -torch.special.xlogy(frequencies, frequencies).sum()
    return {"codes_used": (frequencies > 0).sum().to(like.dtype), "perplexity": entropy.exp()}
