"""Inception-v3 as the published Fréchet distances use it, with weights from the user's file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from genrun.components.features._inception_network import InceptionNetwork
from genrun.components.features._preprocessing import check_supported, expand_to_rgb, resized
from genrun.core.errors import ConfigError, DataDamaged, InputMissing
from genrun.core.protocols.data import Data
from genrun.core.protocols.metric import Extractor

SIDE = 299
BATCH = 50
COUNTED = "num_batches_tracked"  # which evaluation does not need, and torch fills in
UNUSED = ("fc.", "AuxLogits.")  # what a file may hold beside what features need


@dataclass(frozen=True)
class Inception:
    """The 2048 features of `pool3`; images are enlarged to 299x299, bilinearly.

    `path` is a safetensors file with the tensors of `pt_inception-2015-12-05` under their names
    in PyTorch (`Mixed_5b.branch1x1.conv.weight`, …). genrun ships no weights and reads no pickle;
    whoever has the file converts it once: `safetensors.torch.save_file(torch.load(FILE,
    weights_only=True), "inception.safetensors")`. The network is the one of the published
    distances, its pooling included, but agreement with published figures was not tested.
    """

    path: str | None

    def prepare(self, data: Data) -> Extractor:
        check_supported("inception", data.spec)
        if self.path is None:
            raise ConfigError(
                "features.path: features=inception needs a file of weights, "
                "features.path=FILE.safetensors"
            )
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise InputMissing(f"features.path={self.path}: there is no such file")
        return InceptionFeatures(*read_network(path))


def read_network(path: Path) -> tuple[InceptionNetwork, str]:
    """The network, and the SHA-256 of its file. Raises `DataDamaged` where that does not fit."""
    try:
        content = path.read_bytes()
        given = load(content)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise DataDamaged(f"features.path={path}: is no safetensors file ({error})") from error
    with torch.device("meta"):
        network = InceptionNetwork()
    forms = network.state_dict()
    own = {name: form for name, form in forms.items() if not name.endswith(COUNTED)}
    for name, tensor in own.items():
        if name not in given:
            raise DataDamaged(f"features.path={path}: has no {name}")
        if given[name].shape != tensor.shape or not given[name].isfinite().all():
            raise DataDamaged(
                f"features.path={path}: {name} is not {tuple(tensor.shape)} finite numbers"
            )
    for name in given:
        if name not in forms and not name.startswith(UNUSED):
            raise DataDamaged(f"features.path={path}: {name} is none of this network's")
    network.load_state_dict({name: given[name].float() for name in own}, assign=True)
    return network.eval().requires_grad_(False), hashlib.sha256(content).hexdigest()


class InceptionFeatures:
    """The activations before the last layer, averaged over places."""

    def __init__(self, network: InceptionNetwork, digest: str) -> None:
        self._network = network
        self.description = f"inception-v3 {digest[:8]} (2048 features)"

    def __call__(self, images: Tensor) -> Tensor:
        self._network.to(images.device)
        parts = []
        with torch.no_grad():
            for part in torch.split(images, BATCH):
                enlarged = resized(expand_to_rgb(part.float()), SIDE, "bilinear")
                parts.append(self._network(2 * enlarged - 1))
        return torch.cat(parts)
