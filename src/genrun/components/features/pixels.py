"""The pixels themselves as features."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from genrun.core.protocols.data import Data
from genrun.core.protocols.metric import Extractor


@dataclass(frozen=True)
class Pixels:
    """Values in [0, 1], flattened; for points, their coordinates in that scale."""

    description = "pixels"

    def prepare(self, data: Data) -> Extractor:
        return self

    def __call__(self, images: Tensor) -> Tensor:
        return images.flatten(1)
