"""Inception-v3 as published Fréchet distances use it, with weights from the user's file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from genrun.components.features._inception_network import InceptionNetwork
from genrun.components.features._preprocessing import check_supported, expand_to_rgb, resize
from genrun.core.errors import ConfigError, DataDamaged, InputMissing
from genrun.core.protocols.data import Data
from genrun.core.protocols.metric import Extractor

SIDE = 299
BATCH = 50
COUNTER = "num_batches_tracked"  # of BatchNorm; not needed, and may be absent from the file
UNUSED = ("fc.", "AuxLogits.")  # parts that a file may hold and features do not need


@dataclass(frozen=True)
class Inception:
    """The 2048 features of `pool3`; images are resized to 299x299, bilinearly.

    `path` is a safetensors file with the tensors of `pt_inception-2015-12-05` under their names
    in PyTorch (`Mixed_5b.branch1x1.conv.weight`, ...). genrun includes no weights and reads no
    pickle; convert the file once: `safetensors.torch.save_file(torch.load(FILE,
    weights_only=True), "inception.safetensors")`. The network is the one of published distances,
    including its poolings, but agreement with published values was not tested.
    """

    path: str | None

    def prepare(self, data: Data) -> Extractor:
        check_supported("inception", data.spec)
        if self.path is None:
            raise ConfigError(
                "features.path=null: features=inception needs a file of weights, "
                "features.path=FILE.safetensors"
            )
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise InputMissing(f"features.path={self.path}: there is no such file")
        return InceptionFeatures(*load_network(path))


def load_network(path: Path) -> tuple[InceptionNetwork, str]:
    """Returns the network and the SHA-256 of its file.

    Raises `DataDamaged` if the file does not have the network's tensors.
    """
    try:
        content = path.read_bytes()
        loaded = load(content)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise DataDamaged(f"features.path={path}: is not a safetensors file ({error})") from error
    with torch.device("meta"):
        network = InceptionNetwork()
    state = network.state_dict()
    expected = {name: tensor for name, tensor in state.items() if not name.endswith(COUNTER)}
    for name, tensor in expected.items():
        if name not in loaded:
            raise DataDamaged(f"features.path={path}: has no {name}")
        if loaded[name].shape != tensor.shape or not loaded[name].isfinite().all():
            raise DataDamaged(
                f"features.path={path}: {name} must be {tuple(tensor.shape)} finite numbers"
            )
    for name in loaded:
        if name not in state and not name.startswith(UNUSED):
            raise DataDamaged(f"features.path={path}: {name} is not part of this network")
    network.load_state_dict({name: loaded[name].float() for name in expected}, assign=True)
    return network.eval().requires_grad_(False), hashlib.sha256(content).hexdigest()


class InceptionFeatures:
    """The activations before the last layer, averaged over positions."""

    def __init__(self, network: InceptionNetwork, digest: str) -> None:
        self._network = network
        self.description = f"inception-v3 {digest[:8]} (2048 features)"

    def __call__(self, images: Tensor) -> Tensor:
        self._network.to(images.device)
        parts = []
        with torch.no_grad():
            for part in torch.split(images, BATCH):
                inputs = resize(expand_to_rgb(part.float()), SIDE, "bilinear")
                parts.append(self._network(2 * inputs - 1))
        return torch.cat(parts)
