"""The class-conditional GAN (Mirza and Osindero, 1411.1784) with a projection discriminator."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genrun.components.model.gan import GAN
from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec


class LabelledGenerator(nn.Module):
    """Noise (batch, latent) and labels (batch,) to image logits, the label as a learned vector."""

    def __init__(self, body: nn.Module, classes: int, embedding_dim: int) -> None:
        super().__init__()
        self.classes = classes
        self.embedding = nn.Embedding(classes, embedding_dim)
        self.body = body

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        images: Tensor = self.body(torch.cat((latent, self.embedding(labels)), dim=1))
        return images


class ProjectionDiscriminator(nn.Module):
    """Images and labels (batch,) to judgements (batch,): features' inner product with the label's.

    Miyato and Koyama (1802.05637, equation 4): f(x, y) = y^T V phi(x) + psi(phi(x)).
    """

    def __init__(self, body: nn.Module, classes: int, features: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, 1)
        self.embedding = nn.Embedding(classes, features)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        features = self.body(images)
        projection = (features * self.embedding(labels)).sum(1)
        judged: Tensor = self.head(features).squeeze(1) + projection
        return judged


@dataclass(frozen=True)
class ConditionalGAN(GAN):
    """Both networks are told the label; the game is the non-saturating one.

    Sampled without labels it gives all classes in turn: image i is of class i mod classes.
    """

    embedding_dim: int
    labels: Tensor | None = None  # of the images that this is the model of

    def condition_on(self, labels: Tensor) -> ConditionalGAN:
        return dataclasses.replace(self, labels=labels)

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        if spec.classes == 0:
            raise ConfigError("model=conditional_gan: these data have no labels")
        body = backbone.build_encoder(spec, None)
        with torch.no_grad():
            features = body(torch.zeros(1, *spec.shape)).shape[1]
        decoder = backbone.build_decoder(spec, self.latent_dim + self.embedding_dim)
        return nn.ModuleDict(
            {
                "generator": LabelledGenerator(decoder, spec.classes, self.embedding_dim),
                "discriminator": ProjectionDiscriminator(body, spec.classes, features),
            }
        )

    def _generate(self, nets: nn.ModuleDict, count: int, key: Key, like: Tensor) -> Tensor:
        generator, labels = nets["generator"], self.labels
        assert isinstance(generator, LabelledGenerator)
        if labels is None:
            labels = torch.arange(count, device=like.device) % generator.classes
        latent = noise.normal(key, (count, self.latent_dim), like=like)
        return torch.tanh(generator(latent, labels))

    def _logits(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        logits: Tensor = nets["discriminator"](images, self.labels)
        return logits
