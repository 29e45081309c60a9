"""The vector-quantized autoencoder (van den Oord et al., 1711.00937)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from genrun.components.model._code_prior import CodePrior
from genrun.components.model._variational import OF_BERNOULLI
from genrun.components.model._variational import cross_entropy as pixel_cross_entropy
from genrun.core.errors import ConfigError
from genrun.core.layers import frozen_statistics
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player


class Codebook(nn.Module):
    """`codes` vectors of `code_dim`; knows at how many positions an image has one of them."""

    def __init__(self, positions: int, codes: int, code_dim: int) -> None:
        super().__init__()
        self.positions = positions
        self.table = nn.Embedding(codes, code_dim)
        nn.init.uniform_(self.table.weight, -1 / codes, 1 / codes)

    @property
    def entries(self) -> Tensor:
        return self.table.weight

    def split(self, encoded: Tensor) -> Tensor:
        """An encoder's outputs as vectors: (batch, positions, code_dim)."""
        return encoded.reshape(-1, self.positions, self.entries.shape[1])

    def nearest(self, vectors: Tensor) -> Tensor:
        """The nearest entry of each vector (equation 1), int64 of (batch, positions)."""
        entries = self.entries.detach()
        products = vectors.detach() @ entries.T
        return (entries.square().sum(1) - 2 * products).argmin(-1)


class CodeDecoder(nn.Module):
    """Vectors (batch, positions, code_dim) to image logits, and the codebook that they are of."""

    def __init__(self, codebook: Codebook, body: nn.Module) -> None:
        super().__init__()
        self.codebook = codebook
        self.body = body

    def forward(self, vectors: Tensor) -> Tensor:
        logits: Tensor = self.body(vectors.flatten(1))
        return logits


@dataclass(frozen=True)
class VQVAE:
    """Each of an image's `positions` codes is one of the codebook's entries, the nearest.

    The encoder's flat outputs, positions times `code_dim` of them, are cut into one vector a
    position. The player `autoencoder` minimizes equation 3: the cross-entropy of the pixels (as
    the VAE's), whose gradient goes straight through to the encoder, the entries' squared distance
    to the encoder's vectors, and `commitment` times the same for the encoder; all summed over an
    image. The player `prior` learns the codes' distribution meanwhile: a small causal transformer
    in place of the paper's PixelCNN, which is trained afterwards. It is what samples are drawn
    from, and gives the bound log p(x) >= log p(x | codes) + log p(codes), that of a posterior
    that is sure of its codes.
    """

    positions: int
    codes: int
    code_dim: int
    commitment: float
    prior_width: int
    prior_layers: int
    monitor = "negative_elbo"
    data_range = (0.0, 1.0)
    likelihood_note = OF_BERNOULLI

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        if spec.points:
            raise ConfigError(
                "model=vq_vae takes each value for the probability of a pixel, which a coordinate "
                "is not; for points use model=gan or model=normalizing_flow, say"
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
        entries = codebook(nets).entries[codes]
        through = vectors + (entries - vectors).detach()  # the gradient goes past the choice
        reconstruction = pixel_cross_entropy(nets["decoder"](through), batch).mean()
        distance = (entries - vectors.detach()).square().sum((1, 2)).mean()
        commitment = (vectors - entries.detach()).square().sum((1, 2)).mean()
        loss = reconstruction + distance + self.commitment * commitment
        return loss, {
            "reconstruction": reconstruction,
            "code_distance": distance,
            **usage(codes, self.codes, like=vectors),
        }

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """The bound and its parts in nats an image, and `largest_code_share`.

        That is the part of all positions that the most frequent entry has: near 1 the codebook has
        collapsed to it.
        """
        codes = self.encode(nets, batch)[1]
        entries = codebook(nets).entries[codes]
        reconstruction = pixel_cross_entropy(nets["decoder"](entries), batch)
        length = code_length(nets, codes)
        return {
            "negative_elbo": reconstruction + length,
            "reconstruction": reconstruction,
            "code_length": length,
            "largest_code_share": chosen(codes, self.codes, like=batch).mean(1),
        }

    def negative_log_likelihood(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        return {"negative_elbo": self.evaluate(nets, batch, key)["negative_elbo"]}

    def reconstruct(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        codes = self.encode(nets, images)[1]
        return torch.sigmoid(nets["decoder"](codebook(nets).entries[codes]))

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        prior = nets["prior"]
        assert isinstance(prior, CodePrior)
        codes = prior.draw(count, key)
        return torch.sigmoid(nets["decoder"](codebook(nets).entries[codes]))

    def encode(self, nets: nn.ModuleDict, images: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (batch, positions, code_dim), and their entries' numbers (batch, positions)."""
        vectors = codebook(nets).split(nets["encoder"](images))
        return vectors, codebook(nets).nearest(vectors)


def codebook(nets: nn.ModuleDict) -> Codebook:
    decoder = nets["decoder"]
    assert isinstance(decoder, CodeDecoder)
    return decoder.codebook


def code_length(nets: nn.ModuleDict, codes: Tensor) -> Tensor:
    """-log p(codes) in nats, shape (batch,)."""
    logits = nets["prior"](codes)
    return cross_entropy(logits.transpose(1, 2), codes, reduction="none").sum(1)


def chosen(codes: Tensor, count: int, like: Tensor) -> Tensor:
    """Which of the entries each position has, as 0 and 1: (batch, positions, count)."""
    numbers = torch.arange(count, device=codes.device)
    return (codes.unsqueeze(-1) == numbers).to(like.dtype)


def usage(codes: Tensor, count: int, like: Tensor) -> Metrics:
    """How many entries a batch uses, and how many equally frequent ones that is worth."""
    share = chosen(codes, count, like).mean((0, 1))
    entropy = -torch.special.xlogy(share, share).sum()
    return {"codes_used": (share > 0).sum().to(like.dtype), "perplexity": entropy.exp()}
