"""A small classifier and its training."""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy

from genrun.core.noise import fold_in
from genrun.core.progress_bar import progress
from genrun.core.types import DataSpec

FEATURES = 64
MAX_SIDE = 32  # pixels; larger images are averaged down to it, which bounds the cost
BATCH = 128
STEPS = 1000
LEARNING_RATE = 2e-3
TEST_BATCH = 500
SCALING_IMAGES = 10_000  # training images that give the mean and scale of the features
MIN_DEVIATION = 1e-3  # keeps a constant feature from being scaled up
TEST_FRACTION = 10  # one in this many images tests the accuracy


class ClassifierNetwork(nn.Module):
    """Two convolutions of stride 2, a hidden layer of 64 units, and the classes' logits."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.side = (min(spec.height, MAX_SIDE), min(spec.width, MAX_SIDE))
        height, width = (math.ceil(math.ceil(side / 2) / 2) for side in self.side)
        self.body = nn.Sequential(
            nn.Conv2d(spec.channels, 32, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(64 * height * width, FEATURES),
            nn.SiLU(),
        )
        self.head = nn.Linear(FEATURES, spec.classes)
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("deviation", torch.ones(FEATURES))

    def features(self, images: Tensor) -> Tensor:
        """Returns the outputs of `hidden`, standardized over the training images.

        Otherwise the scale of distances would depend on the course of training.
        """
        return (self.hidden(images) - self.mean) / self.deviation

    def hidden(self, images: Tensor) -> Tensor:
        """Returns (count, 64) for images (count, channels, height, width) in [0, 1]."""
        if images.shape[2:] != self.side:
            images = adaptive_avg_pool2d(images, self.side)
        features: Tensor = self.body(2 * images - 1)
        return features

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.hidden(images))
        return logits

    def digest(self) -> str:
        """Returns the SHA-256 of the weights."""
        hashed = hashlib.sha256()
        for tensor in self.state_dict().values():
            hashed.update(tensor.cpu().contiguous().numpy().tobytes())
        return hashed.hexdigest()


def initialize_network(spec: DataSpec) -> ClassifierNetwork:
    """Returns a network with always the same weights; keeps the state of global generators."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(fold_in(0, "classifier") & (2**63 - 1))
        return ClassifierNetwork(spec)


def train_classifier(
    images: Tensor, labels: Tensor, spec: DataSpec
) -> tuple[ClassifierNetwork, float]:
    """Returns a trained network, and its accuracy on images that it was not trained on.

    Trains on the CPU, so that the result does not depend on a GPU's order of sums, and neither
    reads nor changes the global generators.
    """
    generator = torch.Generator().manual_seed(fold_in(0, "classifier order") & (2**63 - 1))
    order = torch.randperm(len(images), generator=generator)
    test_count = max(1, len(images) // TEST_FRACTION)
    test, train = order[:test_count], order[test_count:] if len(images) > 1 else order
    network = initialize_network(spec)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    with progress(f"training the classifier of features ({STEPS} steps)", STEPS) as advance:
        for _ in range(STEPS):
            rows = train[torch.randint(len(train), (BATCH,), generator=generator)]
            loss = cross_entropy(network(_to_unit(images[rows])), labels[rows])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            advance(1)
    with torch.no_grad():
        batches = torch.split(train[:SCALING_IMAGES], TEST_BATCH)
        hidden = torch.cat([network.hidden(_to_unit(images[rows])) for rows in batches])
        network.mean.copy_(hidden.mean(0))
        network.deviation.copy_(hidden.std(0, correction=0).clamp(min=MIN_DEVIATION))
    return network, _accuracy(network, images[test], labels[test])


def _accuracy(network: ClassifierNetwork, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        parts = zip(torch.split(images, TEST_BATCH), torch.split(labels, TEST_BATCH), strict=True)
        correct = sum(int((network(_to_unit(x)).argmax(1) == y).sum()) for x, y in parts)
    return correct / len(images)


def _to_unit(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()
