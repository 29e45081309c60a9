"""MNIST and data sets in its format: IDX files, from a folder, the cache, or their address."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrun.core.errors import DataDamaged, InputMissing
from genrun.data.download import cache_folder, download
from genrun.data.images import ImageSet

IMAGES_MAGIC = 0x00000803  # unsigned bytes, three dimensions


@dataclass(frozen=True)
class Idx:
    """Reads one IDX file of images, gzipped or not.

    It is looked for in `root` alone if that is given; else in each of `folders`, then in the
    cache; and at last it is downloaded from `url` into the cache and checked against `sha256`.
    """

    name: str
    file: str
    root: str | None
    folders: Sequence[str]
    url: str
    sha256: str

    def load(self) -> ImageSet:
        return ImageSet(self.name, read_idx_images(self._find())[:, np.newaxis])

    def _find(self) -> Path:
        plain = self.file.removesuffix(".gz")
        cached = cache_folder() / self.name
        folders = [Path(self.root)] if self.root else [*map(Path, self.folders), cached]
        for folder in folders:
            for name in (self.file, plain):
                if (folder / name).is_file():
                    return folder / name
        if self.root:
            raise InputMissing(
                f"data.root={self.root}: there is no {self.file} or {plain} in that folder"
            )
        return download(self.url, cached / self.file, self.sha256)


def read_idx_images(path: Path) -> NDArray[np.uint8]:
    """Images (count, height, width) of an IDX file.

    Raises `DataDamaged` where the magic number, the sizes or the length do not agree.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataDamaged(f"{path}: cannot be unpacked as gzip ({error})") from error
    if len(content) < 16:
        raise DataDamaged(f"{path}: {len(content)} bytes are too few for an IDX file")
    magic, count, height, width = struct.unpack(">IIII", content[:16])
    if magic != IMAGES_MAGIC:
        raise DataDamaged(
            f"{path}: starts with 0x{magic:08x}, not with 0x{IMAGES_MAGIC:08x} "
            "(an IDX file of images)"
        )
    expected = 16 + count * height * width
    if len(content) != expected:
        raise DataDamaged(
            f"{path}: {count} images of {height}x{width} need {expected} bytes, "
            f"but it has {len(content)}"
        )
    images = np.frombuffer(content, np.uint8, offset=16).reshape(count, height, width)
    return images.copy()  # writable, which torch wants
