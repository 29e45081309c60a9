"""CIFAR-10 (Krizhevsky, 2009), from the files of its binary version or their archive."""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import dataclass
from gzip import BadGzipFile, GzipFile
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from genrun.components.data._download import check_url, download
from genrun.core.cache import cache_folder
from genrun.core.errors import DataDamaged, InputMissing
from genrun.core.protocols.data import ImageSet

ARCHIVE = "cifar-10-binary.tar.gz"
FOLDERS = ("", "cifar-10-batches-bin")  # in `root`; the second is that of the archive
FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
RECORDS = 10_000  # in each file
SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32  # bytes: a label, then the image
CLASSES = 10
LARGEST_ARCHIVE = 1 << 28  # bytes unpacked; CIFAR-10's has 184 million


@dataclass(frozen=True)
class Cifar10:
    """The 50,000 training images in the order of the five files, and their labels 0 to 9.

    The files, or the archive as it is downloaded, are looked for in `root` alone if that is given;
    else the archive is taken from the cache, or downloaded into it from `url` and checked.
    """

    root: str | None
    url: str
    sha256: str

    def __post_init__(self) -> None:
        check_url(self.url)

    def load(self) -> ImageSet:
        contents = self._contents()
        records = np.concatenate([_records(name, content) for name, content in contents.items()])
        images = np.ascontiguousarray(records[:, 1:]).reshape(-1, *SHAPE)
        return ImageSet("cifar10", images, labels=records[:, 0].astype(np.int64))

    def _contents(self) -> dict[str, bytes]:
        """Each file's bytes by its path."""
        if self.root is None:
            cached = cache_folder() / "cifar10" / ARCHIVE
            if not cached.is_file():
                download(self.url, cached, self.sha256)
            return _unpacked(cached)
        for folder in FOLDERS:
            paths = [Path(self.root).expanduser() / folder / name for name in FILES]
            there = [path for path in paths if path.is_file()]
            if there and len(there) < len(paths):
                missing = next(path for path in paths if path not in there)
                raise InputMissing(f"data.root={self.root}: there is no {missing}")
            if there:
                return {str(path): _read(path) for path in paths}
        archive = Path(self.root).expanduser() / ARCHIVE
        if not archive.is_file():
            raise InputMissing(
                f"data.root={self.root}: there is no {FILES[0]} and no {ARCHIVE} in that folder"
            )
        return _unpacked(archive)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(RECORDS * RECORD + 1)  # no more than tells that it is too long


def _records(name: str, content: bytes) -> NDArray[np.uint8]:
    """(records, bytes of one), checked."""
    if len(content) != RECORDS * RECORD:
        has = "more" if len(content) > RECORDS * RECORD else str(len(content))
        raise DataDamaged(
            f"{name}: {RECORDS} images need {RECORDS * RECORD} bytes, but it has {has}"
        )
    records = np.frombuffer(content, np.uint8).reshape(RECORDS, RECORD)
    if records[:, 0].max() >= CLASSES:
        raise DataDamaged(f"{name}: has the label {records[:, 0].max()}; they are 0 to 9")
    return records


class _Limited(GzipFile):
    """Unpacks no more than such an archive can hold, whatever its headers say."""

    left = LARGEST_ARCHIVE

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(self.left if size is None or size < 0 else min(size, self.left))
        self.left -= len(content)
        if self.left == 0:
            raise DataDamaged(f"{self.name}: holds far more than CIFAR-10")
        return content


def _unpacked(archive: Path) -> dict[str, bytes]:
    """The files of the archive, which is read once from its beginning, nothing put on disk."""
    found: dict[str, bytes] = {}
    try:
        with _Limited(archive) as plain, tarfile.open(fileobj=plain, mode="r|") as members:
            for member in members:
                name = PurePosixPath(member.name).name
                if name in FILES and member.isfile() and name not in found:
                    file = members.extractfile(member)
                    assert file is not None
                    found[name] = file.read(RECORDS * RECORD + 1)
    except (tarfile.TarError, BadGzipFile, EOFError, zlib.error, OSError, ValueError) as error:
        raise DataDamaged(f"{archive}: cannot be unpacked ({error})") from error
    for name in FILES:
        if name not in found:
            raise DataDamaged(f"{archive}: has no {name}")
    return {f"{archive}: {name}": found[name] for name in FILES}
