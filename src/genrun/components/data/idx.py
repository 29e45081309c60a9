"""MNIST and data sets in its format: IDX files, from a folder, the cache, or their address."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from genrun.components.data._download import check_url, download
from genrun.core.cache import cache_folder
from genrun.core.errors import ConfigError, DataDamaged, InputMissing
from genrun.core.protocols.data import ImageSet

IMAGES_MAGIC = 0x00000803  # unsigned bytes, three dimensions
LABELS_MAGIC = 0x00000801  # unsigned bytes, one dimension
CHUNK = 1 << 20


@dataclass(frozen=True)
class Idx:
    """Reads one IDX file of images, gzipped or not.

    It is looked for in `root` alone if that is given; else in each of `folders`, then in the
    cache; and at last it is downloaded from `url` into the cache and checked against `sha256`.
    With it comes the file of its labels, which has its address and name but for "labels-idx1" in
    place of "images-idx3", and is checked against `labels_sha256`; null: there is none.
    """

    name: str
    file: str
    root: str | None
    folders: Sequence[str]
    url: str
    sha256: str
    labels_sha256: str | None = None  # which saved runs of earlier versions do not have

    def __post_init__(self) -> None:
        for key, value in (("name", self.name), ("file", self.file)):
            if value in ("", ".", "..") or "/" in value or "\\" in value or "\0" in value:
                raise ConfigError(f"data.{key}={value}: must be a name, not a path")
        check_url(self.url)

    def load(self) -> ImageSet:
        path = self._find()
        images = read_idx_images(path)
        return ImageSet(self.name, images[:, np.newaxis], labels=read_labels(path, len(images)))

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
        if self.labels_sha256 is not None:  # first: images alone would be found without labels
            target = cached / _of_labels(self.file)
            if not target.is_file():
                download(_of_labels(self.url), target, self.labels_sha256)
        return download(self.url, cached / self.file, self.sha256)


def read_idx_images(path: Path) -> NDArray[np.uint8]:
    """Images (count, height, width) of an IDX file.

    Raises `DataDamaged` where the magic number, the sizes or the length do not agree.
    """
    (count, height, width), content = _read_idx(path, IMAGES_MAGIC, dimensions=3)
    if min(count, height, width) == 0:
        raise DataDamaged(f"{path}: has {count} images of {height}x{width}")
    images = np.frombuffer(content, np.uint8).reshape(count, height, width)
    return images.copy()  # writable, which torch wants


def _of_labels(images: str) -> str:
    return images.replace("images-idx3", "labels-idx1")


def read_labels(images: Path, count: int) -> NDArray[np.int64] | None:
    """The labels (count,) that lie beside a file of so many images, None where none do.

    Raises `DataDamaged` where there are more or fewer.
    """
    plain = _of_labels(images.name.removesuffix(".gz"))
    for path in (images.with_name(plain), images.with_name(f"{plain}.gz")):
        if "labels-idx1" in plain and path.is_file():
            (labels,), content = _read_idx(path, LABELS_MAGIC, dimensions=1)
            if labels != count:
                raise DataDamaged(f"{path}: has {labels} labels, but there are {count} images")
            return np.frombuffer(content, np.uint8).astype(np.int64)
    return None


def _read_idx(path: Path, magic: int, dimensions: int) -> tuple[tuple[int, ...], bytes]:
    """The sizes and the bytes after them. No more is unpacked than the sizes say."""
    header = 4 + 4 * dimensions
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            start = file.read(header)
            if len(start) < header:
                raise DataDamaged(f"{path}: {len(start)} bytes are too few for an IDX file")
            found, *sizes = struct.unpack(f">I{dimensions}I", start)
            if found != magic:
                raise DataDamaged(
                    f"{path}: starts with 0x{found:08x}, not with 0x{magic:08x} (an IDX file of "
                    f"{'images' if dimensions == 3 else 'labels'})"
                )
            expected = math.prod(sizes)
            content = _read_at_most(file, expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataDamaged(f"{path}: cannot be unpacked as gzip ({error})") from error
    if len(content) != expected:
        count, *shape = sizes
        things = f"{count} images of {'x'.join(map(str, shape))}" if shape else f"{count} labels"
        has = "more" if len(content) > expected else str(header + len(content))
        raise DataDamaged(f"{path}: {things} need {header + expected} bytes, but it has {has}")
    return tuple(sizes), content


def _read_at_most(file: BinaryIO | gzip.GzipFile, most: int) -> bytes:
    """Piece by piece: a size in a header is no reason to take so much memory."""
    pieces: list[bytes] = []
    while most > 0 and (piece := file.read(min(most, CHUNK))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)
