"""Encoded images to pixels of one size, decoded once into the cache."""

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
class Decoding:
    """Each image's shorter side is resized to `size` and the centre is cut out.

    `channels` is 1 (grey) or 3 (RGB).
    """

    size: int
    channels: int
    skip_bad: bool

    def once(
        self, kind: str, signature: str, count: int, encoded: Iterable[tuple[str, Encoded]]
    ) -> Decoded:
        """All images, from the cache where they have been decoded before.

        `encoded` has `count` names, for who reads an error, each with a file or its content;
        `signature` must change whenever they do. Gives the images (kept, channels, size, size) and
        the numbers (kept,) of those that could be read. Raises `DataDamaged`.
        """
        cached = cache_folder() / kind / f"{signature}.npz"
        if cached.is_file():
            damage = (ValueError, OSError, EOFError, KeyError, BadZipFile)
            with contextlib.suppress(*damage), np.load(cached, allow_pickle=False) as arrays:
                return arrays["images"], arrays["kept"]
        images, kept = self._all(count, encoded)
        save_in_cache(cached, lambda file: np.savez(file, images=images, kept=kept))
        return images, kept

    def _all(self, count: int, encoded: Iterable[tuple[str, Encoded]]) -> Decoded:
        images, kept = [], []
        with progress(f"decoding {count} images", count) as advance:
            for number, (name, content) in enumerate(encoded):
                try:
                    images.append(self.read(content))
                    kept.append(number)
                except MemoryError:
                    raise
                except Exception as error:  # decoders fail in as many ways as there are formats
                    if not self.skip_bad:
                        raise DataDamaged(
                            f"{name}: cannot be read as an image ({error}); "
                            "data.skip_bad=true leaves such images out"
                        ) from error
                advance(1)
        if not images:
            raise DataDamaged(f"data: none of {count} images can be read")
        return np.stack(images), np.array(kept, np.int64)

    def read(self, encoded: Encoded) -> NDArray[np.uint8]:
        """One image as (channels, size, size)."""
        with Image.open(encoded) as image:
            upright = _eight_bits(ImageOps.exif_transpose(image))
            upright = upright.convert("L" if self.channels == 1 else "RGB")
        square = ImageOps.fit(upright, (self.size, self.size), Image.Resampling.BICUBIC)
        pixels = np.asarray(square, np.uint8).reshape(self.size, self.size, self.channels)
        return pixels.transpose(2, 0, 1)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey images scaled to 8 bits; Pillow's own conversion would cut them off at 255."""
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image).astype(np.int64).clip(0, 65535)
    return Image.fromarray((pixels >> 8).astype(np.uint8))
