"""The last hidden layer of a small network that was trained on the data's own labels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from genrun.components.features._classifier_network import (
    LabelsNetwork,
    new_network,
    train_on_labels,
)
from genrun.core.cache import cache_folder, save_in_cache
from genrun.core.errors import ConfigError
from genrun.core.protocols.data import Data
from genrun.core.protocols.metric import Extractor

BATCH = 500  # images whose features are made at once
VERSION = 1  # of the network and its training: another one makes other features


@dataclass(frozen=True)
class Classifier:
    """Trained once on all the data, whatever the seed holds out, and kept in the cache.

    A run's held-out images are among those that it is trained on, as its training images are: so
    neither are nearer to the samples than the others, and runs with other seeds are measured in
    the same features. Its accuracy is on a tenth of the data that it is not trained on. The same
    machine trains the same network; another one may differ in the last bits, which its digest
    shows. Points have no features but themselves.
    """

    def prepare(self, data: Data) -> Extractor:
        if data.spec.classes < 2 or data.labels_digest is None:
            raise ConfigError(
                f"features=classifier: {data.name} has no labels to train it on; "
                "features=pixels needs none"
            )
        path = cached_path(data)
        network = new_network(data.spec)
        accuracy = _read(path, network)
        if accuracy is None:
            network, accuracy = train_on_labels(*data.all_images(), data.spec)
            metadata = {"accuracy": json.dumps(accuracy)}
            content = save(network.state_dict(), metadata)
            save_in_cache(path, lambda file: file.write(content))
        return ClassifierFeatures(network.eval().requires_grad_(False), accuracy)


def cached_path(data: Data) -> Path:
    """Where the network for these images and labels is kept."""
    name = f"v{VERSION}-{data.digest[:20]}-{(data.labels_digest or '')[:20]}.safetensors"
    return cache_folder() / "classifier" / name


class ClassifierFeatures:
    """The activations (count, 64) before the last layer, each scaled to the data's own spread."""

    def __init__(self, network: LabelsNetwork, accuracy: float) -> None:
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


def _read(path: Path, network: nn.Module) -> float | None:
    """Fills the network and gives its accuracy; None where there is no sound file of it."""
    own = network.state_dict()
    try:
        with safe_open(path, "pt") as file:
            if set(file.keys()) != set(own):
                return None
            tensors = {name: file.get_tensor(name) for name in own}
            accuracy = json.loads(file.metadata()["accuracy"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None
    alike = all(
        tensors[name].shape == own[name].shape
        and tensors[name].dtype == own[name].dtype
        and bool(tensors[name].isfinite().all())
        for name in own
    )
    if not alike or not isinstance(accuracy, float) or not 0 <= accuracy <= 1:
        return None
    network.load_state_dict(tensors)
    return accuracy
