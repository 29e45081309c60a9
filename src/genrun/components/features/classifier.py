"""The last hidden layer of a small classifier that was trained on the data's own labels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from genrun.components.features._classifier_network import (
    ClassifierNetwork,
    initialize_network,
    train_classifier,
)
from genrun.core.cache import cache_folder, save_in_cache
from genrun.core.errors import ConfigError
from genrun.core.protocols.data import Data
from genrun.core.protocols.metric import Extractor

BATCH = 500
VERSION = 1  # of the network and its training, on which the features depend


@dataclass(frozen=True)
class Classifier:
    """Features of a classifier that is trained once on all images of the data, and cached.

    It is trained on a run's training images and held-out images alike, so features favour neither,
    and runs with different seeds have the same features. Its accuracy is that on a tenth of the
    data that it is not trained on. The same machine trains the same network; networks of other
    machines may differ in the last bits, which the digest shows.
    """

    def prepare(self, data: Data) -> Extractor:
        if data.spec.classes < 2 or data.labels_digest is None:
            raise ConfigError(
                f"features=classifier: {data.name} has no labels to train it on; "
                "features=pixels needs none"
            )
        path = cache_path(data)
        network = initialize_network(data.spec)
        accuracy = _load(path, network)
        if accuracy is None:
            network, accuracy = train_classifier(*data.all_images(), data.spec)
            metadata = {"accuracy": json.dumps(accuracy)}
            content = save(network.state_dict(), metadata)
            save_in_cache(path, lambda file: file.write(content))
        return ClassifierFeatures(network.eval().requires_grad_(False), accuracy)


def cache_path(data: Data) -> Path:
    """Returns the cached file of the network for these images and labels."""
    name = f"v{VERSION}-{data.digest[:20]}-{(data.labels_digest or '')[:20]}.safetensors"
    return cache_folder() / "classifier" / name


class ClassifierFeatures:
    """The standardized activations (count, 64) before the last layer."""

    def __init__(self, network: ClassifierNetwork, accuracy: float) -> None:
        self._network = network
        self.description = (
            f"classifier {network.digest()[:8]} ({100 * accuracy:.1f} % of held-out labels right)"
        )

    def __call__(self, images: Tensor) -> Tensor:
        self._network.to(images.device)
        with torch.no_grad():
            return torch.cat(
                [self._network.features(part.float()) for part in torch.split(images, BATCH)]
            )


def _load(path: Path, network: nn.Module) -> float | None:
    """Loads the weights and returns the accuracy; None if there is no intact file."""
    expected = network.state_dict()
    try:
        with safe_open(path, "pt") as file:
            if set(file.keys()) != set(expected):
                return None
            tensors = {name: file.get_tensor(name) for name in expected}
            accuracy = json.loads(file.metadata()["accuracy"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None
    is_valid = all(
        tensors[name].shape == expected[name].shape
        and tensors[name].dtype == expected[name].dtype
        and bool(tensors[name].isfinite().all())
        for name in expected
    )
    if not is_valid or not isinstance(accuracy, float) or not 0 <= accuracy <= 1:
        return None
    network.load_state_dict(tensors)
    return accuracy
