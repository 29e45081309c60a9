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
    """Decodes noise (batch, latent_dim) and an embedding of labels (batch,) to image logits."""

    def __init__(self, body: nn.Module, classes: int, embedding_dim: int) -> None:
        super().__init__()
        self.classes = classes
        self.embedding = nn.Embedding(classes, embedding_dim)
        self.body = body

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        images: Tensor = self.body(torch.cat((latent, self.embedding(labels)), dim=1))
        return images


class ProjectionDiscriminator(nn.Module):
    """Logits (batch,) of images and labels (batch,): f(x, y) = y^T V phi(x) + psi(phi(x)).

    Miyato and Koyama (1802.05637, equation 4); phi is `body`, psi is `head`, V is `embedding`.
    """

    def __init__(self, body: nn.Module, classes: int, features: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, 1)
        self.embedding = nn.Embedding(classes, features)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        features = self.body(images)
        projection = (features * self.embedding(labels)).sum(1)
        logits: Tensor = self.head(features).squeeze(1) + projection
        return logits


@dataclass(frozen=True)
class ConditionalGAN(GAN):
    """The non-saturating GAN with the label as an input of both networks.

    Without labels it samples all classes in turn: image i has class i mod classes.
    """

    embedding_dim: int
    labels: Tensor | None = None  # int64 (batch,), set by `condition_on`

    def condition_on(self, labels: Tensor) -> ConditionalGAN:
        return dataclasses.replace(self, labels=labels)

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        if spec.classes == 0:
            raise ConfigError("model=conditional_gan: needs labels, and these data have no labels")
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
