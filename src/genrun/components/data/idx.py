"""MNIST and data sets in its format, IDX, from a folder, the cache or the web."""

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
    """The images of one IDX file, gzipped or not, and their labels.

    With `root`, the file must be in that folder. Otherwise it is looked for in each of `folders`
    and in the cache; if it is in none, it is downloaded from `url` into the cache and checked
    against `sha256`. Name and address of the file of labels have "labels-idx1" in place of
    "images-idx3"; it is checked against `labels_sha256`. None: there are no labels to download.
    """

    name: str
    file: str
    root: str | None
    folders: Sequence[str]
    url: str
    sha256: str
    labels_sha256: str | None

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
            raise InputMissing(f"data.root={self.root}: the folder has no {self.file} or {plain}")
        if (
            self.labels_sha256 is not None
        ):  # first, or a failure here would leave images without labels
            target = cached / _labels_name(self.file)
            if not target.is_file():
                download(_labels_name(self.url), target, self.labels_sha256)
        return download(self.url, cached / self.file, self.sha256)


def read_idx_images(path: Path) -> NDArray[np.uint8]:
    """Returns the images (count, height, width) of an IDX file.

    Raises `DataDamaged` if the magic number, the sizes or the length are wrong.
    """
    (count, height, width), content = _read_idx(path, IMAGES_MAGIC, dimensions=3)
    if min(count, height, width) == 0:
        raise DataDamaged(f"{path}: has {count} images of {height}x{width}")
    images = np.frombuffer(content, np.uint8).reshape(count, height, width)
    return images.copy()  # writable, as torch needs it


def _labels_name(images: str) -> str:
    return images.replace("images-idx3", "labels-idx1")


def read_labels(images: Path, count: int) -> NDArray[np.int64] | None:
    """Returns the labels (count,) of a file of images from the same folder, None if it has none.

    Raises `DataDamaged` if there are more or fewer.
    """
    plain = _labels_name(images.name.removesuffix(".gz"))
    for path in (images.with_name(plain), images.with_name(f"{plain}.gz")):
        if "labels-idx1" in plain and path.is_file():
            (labels,), content = _read_idx(path, LABELS_MAGIC, dimensions=1)
            if labels != count:
                raise DataDamaged(f"{path}: has {labels} labels, but there are {count} images")
            return np.frombuffer(content, np.uint8).astype(np.int64)
    return None


def _read_idx(path: Path, magic: int, dimensions: int) -> tuple[tuple[int, ...], bytes]:
    """Returns the sizes and the bytes after them; unpacks no more than the sizes allow."""
    header = 4 + 4 * dimensions
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            start = file.read(header)
            if len(start) < header:
                raise DataDamaged(f"{path}: {len(start)} bytes are too few for an IDX file")
            found, *sizes = struct.unpack(f">I{dimensions}I", start)
            if found != magic:
                raise DataDamaged(
                    f"{path}: starts with 0x{found:08x}, but an IDX file of "
                    f"{'images' if dimensions == 3 else 'labels'} starts with 0x{magic:08x}"
                )
            expected = math.prod(sizes)
            content = _read_up_to(file, expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataDamaged(f"{path}: cannot be unpacked as gzip ({error})") from error
    if len(content) != expected:
        count, *shape = sizes
        things = f"{count} images of {'x'.join(map(str, shape))}" if shape else f"{count} labels"
        has = "more" if len(content) > expected else str(header + len(content))
        raise DataDamaged(f"{path}: {things} need {header + expected} bytes, but it has {has}")
    return tuple(sizes), content


def _read_up_to(file: BinaryIO | gzip.GzipFile, limit: int) -> bytes:
    """Reads in chunks, so that a wrong header cannot make the process allocate `limit` bytes."""
    pieces: list[bytes] = []
    while limit > 0 and (piece := file.read(min(limit, CHUNK))):
        pieces.append(piece)
        limit -= len(piece)
    return b"".join(pieces)
