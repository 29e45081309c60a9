"""Images as one array in a file: `.npy`, `.npz` or `.safetensors`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrun.components.data._array_files import READERS, Array, Arrays
from genrun.components.data._labels import check_labels
from genrun.core.errors import ConfigError, DataDamaged, InputMissing
from genrun.core.protocols.data import ImageSet

LAYOUTS = ("auto", "channels_first", "channels_last")
CHANNELS = (1, 3)  # by which a dimension of channels is recognized
IMAGES, LABELS = "images", "labels"


@dataclass(frozen=True)
class ArrayFile:
    """Images (count, height, width), (count, height, width, channels) or (count, channels, height,
    width), as uint8 or as floats in [0, 1].

    With `layout=auto`, the channels are whichever of the second and the last dimension is 1 or 3.
    `images` and `labels` are names in a `.npz` or `.safetensors` file; null stands for "images" or
    the only array that is not "labels", and for "labels", if there is such an array.
    """

    path: str | None
    layout: str
    images: str | None
    labels: str | None

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ConfigError(f"data.layout={self.layout}: must be one of {', '.join(LAYOUTS)}")

    def load(self) -> ImageSet:
        path = self._find()
        with READERS[path.suffix](path) as arrays:
            name = self._images_name(arrays.names)
            images = self._to_channels_first(_check_pixels(path, arrays.read(name)))
            labels = self._labels(path, arrays, len(images))
        return ImageSet(path.stem, images, labels=labels)

    def _find(self) -> Path:
        if self.path is None:
            raise ConfigError("data.path=null: data=array needs a file, data.path=FILE")
        path = Path(self.path).expanduser()
        if path.suffix not in READERS:
            raise ConfigError(f"data.path={self.path}: must end in {', '.join(READERS)}")
        if not path.is_file():
            raise InputMissing(f"data.path={self.path}: there is no such file")
        return path

    def _images_name(self, names: list[str]) -> str:
        listed = ", ".join(names[:10]) or "none"
        if self.images is not None:
            if self.images not in names:
                raise ConfigError(f"data.images={self.images}: {self.path} has only {listed}")
            return self.images
        candidates = [name for name in names if name != LABELS]
        if IMAGES in names:
            return IMAGES
        if len(candidates) != 1:
            raise ConfigError(f"data.images=null: must name one of {self.path}'s arrays, {listed}")
        return candidates[0]

    def _to_channels_first(self, images: Array) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Returns the images as (count, channels, height, width)."""
        shape = images.shape
        if len(shape) == 3:
            return images[:, np.newaxis]
        first, last = shape[1] in CHANNELS, shape[3] in CHANNELS
        if self.layout == "auto" and first == last:
            raise ConfigError(
                f"data.layout=auto: {'x'.join(map(str, shape))} is ambiguous; give "
                "data.layout=channels_first or channels_last"
            )
        if self.layout == "channels_last" or (self.layout == "auto" and last):
            return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        return images

    def _labels(self, path: Path, arrays: Arrays, count: int) -> NDArray[np.int64] | None:
        if self.labels is not None and self.labels not in arrays.names:
            listed = ", ".join(arrays.names[:10])
            raise ConfigError(f"data.labels={self.labels}: {self.path} has only {listed}")
        name = self.labels or LABELS
        if name not in arrays.names:
            return None
        return check_labels(arrays.read(name), count, f"{path}: {name}")


def _check_pixels(path: Path, array: Array) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Returns images as uint8 or float32. Raises `DataDamaged` if they are not in [0, 1]."""
    shape = "x".join(map(str, array.shape))
    if array.ndim not in (3, 4) or array.size == 0:
        raise DataDamaged(
            f"{path}: {shape or 'a number'} is no array of images, which must have 3 or 4 "
            "dimensions, the first of them their count"
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise DataDamaged(f"{path}: images must be uint8, or floats in [0, 1], not {array.dtype}")
    lowest, highest = float(array.min()), float(array.max())
    if not 0 <= lowest <= highest <= 1:  # also if either is NaN
        raise DataDamaged(
            f"{path}: floats must be in [0, 1], but are from {lowest:g} to {highest:g}"
        )
    return array.astype(np.float32)
