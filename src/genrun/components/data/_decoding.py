"""Decoding of image files to pixels of one size, once, into the cache."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from genrun.core.cache import cache_folder, save_in_cache
from genrun.core.errors import DataDamaged
from genrun.core.progress_bar import progress

Encoded = Path | BinaryIO
Decoded = tuple[NDArray[np.uint8], NDArray[np.int64]]


@dataclass(frozen=True)
class Decoder:
    """Decodes images: the shorter side is resized to `size` and the centre is cut out.

    `channels` is 1 (grey) or 3 (RGB).
    """

    size: int
    channels: int
    skip_bad: bool

    def decode_all(
        self, kind: str, signature: str, count: int, encoded: Iterable[tuple[str, Encoded]]
    ) -> Decoded:
        """Returns all images, from the cache if they have been decoded before.

        `encoded` yields `count` pairs of a name for messages and a file or its content;
        `signature` must change whenever they do. Returns the images (readable, channels, size,
        size) and the indices (readable,) of those that could be read. Raises `DataDamaged`.
        """
        cached = cache_folder() / kind / f"{signature}.npz"
        if cached.is_file():
            damage = (ValueError, OSError, EOFError, KeyError, BadZipFile)
            with contextlib.suppress(*damage), np.load(cached, allow_pickle=False) as arrays:
                return arrays["images"], arrays["kept"]
        images, indices = self._decode_each(count, encoded)
        save_in_cache(cached, lambda file: np.savez(file, images=images, kept=indices))
        return images, indices

    def _decode_each(self, count: int, encoded: Iterable[tuple[str, Encoded]]) -> Decoded:
        images, indices = [], []
        with progress(f"decoding {count} images", count) as advance:
            for index, (name, content) in enumerate(encoded):
                try:
                    images.append(self.decode(content))
                    indices.append(index)
                except MemoryError:
                    raise
                except Exception as error:  # decoders raise many types of errors
                    if not self.skip_bad:
                        raise DataDamaged(
                            f"{name}: cannot be read as an image ({error}); "
                            "data.skip_bad=true leaves such images out"
                        ) from error
                advance(1)
        if not images:
            raise DataDamaged(f"data: none of the {count} images can be read")
        return np.stack(images), np.array(indices, np.int64)

    def decode(self, encoded: Encoded) -> NDArray[np.uint8]:
        """Returns one image as (channels, size, size)."""
        with Image.open(encoded) as image:
            upright = _to_eight_bits(ImageOps.exif_transpose(image))
            upright = upright.convert("L" if self.channels == 1 else "RGB")
        square = ImageOps.fit(upright, (self.size, self.size), Image.Resampling.BICUBIC)
        pixels = np.asarray(square, np.uint8).reshape(self.size, self.size, self.channels)
        return pixels.transpose(2, 0, 1)


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Scales 16-bit grey images to 8 bits; Pillow's own conversion would clip them at 255."""
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image).astype(np.int64).clip(0, 65535)
    return Image.fromarray((pixels >> 8).astype(np.uint8))
