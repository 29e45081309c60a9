"""The digits that come with genrun, each pixel drawn black or white once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from genrun.components.data.digits import Digits
from genrun.core.protocols.data import ImageSet


@dataclass(frozen=True)
class BinarizedDigits:
    """28x28 images of 0 and 255, for which the likelihood of a Bernoulli decoder is exact.

    A pixel is white with the probability of its grey level (Salakhutdinov and Murray, ICML 2008).
    It is drawn once for all epochs with `binarization_seed`, as in Larochelle's binarized MNIST
    (AISTATS 2011), so that bounds of different runs are of the same images.
    """

    binarization_seed: int

    def load(self) -> ImageSet:
        grey = Digits().load()
        thresholds = np.random.Generator(np.random.PCG64(self.binarization_seed)).random(
            grey.images.shape, dtype=np.float32
        )
        white = thresholds * 255 < grey.images
        images = np.where(white, np.uint8(255), np.uint8(0))
        return dataclasses.replace(grey, name="binarized_digits", images=images)
