"""The digits that come with genrun, 10,000 of MNIST (see `assets/README.md`)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib import resources

import numpy as np

from genrun.core.protocols.data import ImageSet


@dataclass(frozen=True)
class Digits:
    """28x28 grey handwritten digits, in a random order that is part of the file."""

    def load(self) -> ImageSet:
        content = (
            resources.files("genrun.components.data")
            .joinpath("assets", "mnist_10k.npz")
            .read_bytes()
        )
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            labels = arrays["labels"].astype(np.int64)
            return ImageSet("digits", arrays["images"][:, np.newaxis], labels=labels)
