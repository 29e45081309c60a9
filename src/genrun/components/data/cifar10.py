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
RECORDS_PER_FILE = 10_000
SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32  # a label, then the image
CLASSES = 10
MAX_ARCHIVE_BYTES = 1 << 28  # unpacked; CIFAR-10's has 184 million


@dataclass(frozen=True)
class Cifar10:
    """The 50,000 training images in the order of the five files, and their labels 0 to 9.

    With `root`, the files or the downloaded archive must be in that folder. Otherwise the archive
    is taken from the cache; if it is not there, it is downloaded from `url` and checked.
    """

    root: str | None
    url: str
    sha256: str

    def __post_init__(self) -> None:
        check_url(self.url)

    def load(self) -> ImageSet:
        contents = self._contents()
        records = np.concatenate(
            [_parse_records(name, content) for name, content in contents.items()]
        )
        images = np.ascontiguousarray(records[:, 1:]).reshape(-1, *SHAPE)
        return ImageSet("cifar10", images, labels=records[:, 0].astype(np.int64))

    def _contents(self) -> dict[str, bytes]:
        """Returns the bytes of each file by its path."""
        if self.root is None:
            cached = cache_folder() / "cifar10" / ARCHIVE
            if not cached.is_file():
                download(self.url, cached, self.sha256)
            return _unpack(cached)
        for folder in FOLDERS:
            paths = [Path(self.root).expanduser() / folder / name for name in FILES]
            existing = [path for path in paths if path.is_file()]
            if existing and len(existing) < len(paths):
                missing = next(path for path in paths if path not in existing)
                raise InputMissing(f"data.root={self.root}: {missing} does not exist")
            if existing:
                return {str(path): _read(path) for path in paths}
        archive = Path(self.root).expanduser() / ARCHIVE
        if not archive.is_file():
            raise InputMissing(
                f"data.root={self.root}: the folder has neither {FILES[0]} nor {ARCHIVE}"
            )
        return _unpack(archive)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(
            RECORDS_PER_FILE * RECORD_BYTES + 1
        )  # one byte more shows that it is too long


def _parse_records(name: str, content: bytes) -> NDArray[np.uint8]:
    """Returns the records, (records, bytes), of a file. Raises `DataDamaged`."""
    expected = RECORDS_PER_FILE * RECORD_BYTES
    if len(content) != expected:
        has = "more" if len(content) > expected else str(len(content))
        raise DataDamaged(
            f"{name}: {RECORDS_PER_FILE} images need {expected} bytes, but it has {has}"
        )
    records = np.frombuffer(content, np.uint8).reshape(RECORDS_PER_FILE, RECORD_BYTES)
    if records[:, 0].max() >= CLASSES:
        raise DataDamaged(f"{name}: has the label {records[:, 0].max()}; must be 0 to 9")
    return records


class _Limited(GzipFile):
    """A gzip file that raises `DataDamaged` when more than `MAX_ARCHIVE_BYTES` are read."""

    left = MAX_ARCHIVE_BYTES

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(self.left if size is None or size < 0 else min(size, self.left))
        self.left -= len(content)
        if self.left == 0:
            raise DataDamaged(f"{self.name}: is far larger than CIFAR-10")
        return content


def _unpack(archive: Path) -> dict[str, bytes]:
    """Returns the files of the archive, read in one pass without writing any to disk."""
    contents: dict[str, bytes] = {}
    try:
        with _Limited(archive) as plain, tarfile.open(fileobj=plain, mode="r|") as members:
            for member in members:
                name = PurePosixPath(member.name).name
                if name in FILES and member.isfile() and name not in contents:
                    file = members.extractfile(member)
                    assert file is not None
                    contents[name] = file.read(RECORDS_PER_FILE * RECORD_BYTES + 1)
    except (tarfile.TarError, BadGzipFile, EOFError, zlib.error, OSError, ValueError) as error:
        raise DataDamaged(f"{archive}: cannot be unpacked ({error})") from error
    for name in FILES:
        if name not in contents:
            raise DataDamaged(f"{archive}: has no {name}")
    return {f"{archive}: {name}": contents[name] for name in FILES}
