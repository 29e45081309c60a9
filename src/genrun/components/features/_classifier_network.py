"""A small network that tells labels, and its training."""

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
LARGEST_SIDE = 32  # pixels; larger images are averaged down to it, so that the cost is bounded
BATCH = 128
STEPS = 1000
LEARNING_RATE = 2e-3
TEST_BATCH = 500
SCALED = 10_000  # training images whose activations give the features' scale
LEAST_DEVIATION = 1e-3  # a feature that never moves stays small
TESTED = 10  # of so many images one is not trained on


class LabelsNetwork(nn.Module):
    """Two convolutions with stride 2 and a hidden layer; of single pixels, hidden layers alone."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.side = (min(spec.height, LARGEST_SIDE), min(spec.width, LARGEST_SIDE))
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
        """What `hidden` gives, each with mean 0 and deviation 1 over the data it was trained on.

        Distances in the bare activations would have a scale that training leaves to chance.
        """
        return (self.hidden(images) - self.mean) / self.deviation

    def hidden(self, images: Tensor) -> Tensor:
        """(count, channels, height, width) in [0, 1] to (count, 64)."""
        if images.shape[2:] != self.side:
            images = adaptive_avg_pool2d(images, self.side)
        features: Tensor = self.body(2 * images - 1)
        return features

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.hidden(images))
        return logits

    def digest(self) -> str:
        """SHA-256 over the weights."""
        hashed = hashlib.sha256()
        for tensor in self.state_dict().values():
            hashed.update(tensor.cpu().contiguous().numpy().tobytes())
        return hashed.hexdigest()


def new_network(spec: DataSpec) -> LabelsNetwork:
    """Always with the same first weights; the global generators are left as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(fold_in(0, "classifier") & (2**63 - 1))
        return LabelsNetwork(spec)


def train_on_labels(images: Tensor, labels: Tensor, spec: DataSpec) -> tuple[LabelsNetwork, float]:
    """The network, and the share of images that it was not trained on whose label it tells.

    On the CPU, so that a GPU's order of sums changes nothing. Neither reads nor moves the global
    generators.
    """
    generator = torch.Generator().manual_seed(fold_in(0, "classifier order") & (2**63 - 1))
    order = torch.randperm(len(images), generator=generator)
    tested = max(1, len(images) // TESTED)
    test, train = order[:tested], order[tested:] if len(images) > 1 else order
    network = new_network(spec)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    with progress(f"training the classifier of features ({STEPS} steps)", STEPS) as advance:
        for _ in range(STEPS):
            rows = train[torch.randint(len(train), (BATCH,), generator=generator)]
            loss = cross_entropy(network(_scaled(images[rows])), labels[rows])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            advance(1)
    with torch.no_grad():
        batches = torch.split(train[:SCALED], TEST_BATCH)
        hidden = torch.cat([network.hidden(_scaled(images[rows])) for rows in batches])
        network.mean.copy_(hidden.mean(0))
        network.deviation.copy_(hidden.std(0, correction=0).clamp(min=LEAST_DEVIATION))
    return network, _accuracy(network, images[test], labels[test])


def _accuracy(network: LabelsNetwork, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        parts = zip(torch.split(images, TEST_BATCH), torch.split(labels, TEST_BATCH), strict=True)
        right = sum(int((network(_scaled(x)).argmax(1) == y).sum()) for x, y in parts)
    return right / len(images)


def _scaled(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()
