"""Encoded images in Parquet files, as on the Hugging Face Hub (extra `parquet`)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrun.components.data._decoding import Decoder, Encoded
from genrun.components.data._labels import check_labels, encode_classes
from genrun.core.errors import ConfigError, DataDamaged, InputMissing
from genrun.core.protocols.data import ImageSet

ROWS = 64  # decoded from Parquet at a time
LABEL = "label"
BYTES = "bytes"  # field of an image's struct; the other one, `path`, is not read


@dataclass(frozen=True)
class Parquet:
    """The rows of one file, or of all `*.parquet` of a folder in the order of their names.

    `image` names a column of encoded images: bytes, or structs with a field `bytes`. `label` names
    a column of whole numbers, or of text, whose values are numbered in their order; null stands
    for "label", if there is such a column. Images are decoded and cached as by `image_folder`.
    """

    path: str | None
    image: str
    label: str | None
    size: int
    channels: int
    skip_bad: bool

    def load(self) -> ImageSet:
        files = self._files()
        headers = [self._check_columns(path) for path in files]
        count = sum(rows for rows, _ in headers)
        if count == 0:
            raise DataDamaged(f"data.path={self.path}: has no rows")
        decoder = Decoder(self.size, self.channels, self.skip_bad)
        images, indices = decoder.decode_all(
            "parquet", self._signature(files), count, self._images(files)
        )
        label = self.label or (LABEL if all(LABEL in columns for _, columns in headers) else None)
        labels = None if label is None else self._labels(files, label, count)[indices]
        return ImageSet("parquet", images, skipped=count - len(images), labels=labels)

    def _files(self) -> list[Path]:
        if self.path is None:
            raise ConfigError(
                "data.path=null: data=parquet needs a file or folder, data.path=PATH"
            )
        path = Path(self.path).expanduser()
        if path.is_file():
            return [path]
        if not path.is_dir():
            raise InputMissing(f"data.path={self.path}: there is no such file or folder")
        files = sorted(path.glob("*.parquet"))
        if not files:
            raise InputMissing(f"data.path={self.path}: the folder has no *.parquet")
        return files

    def _check_columns(self, path: Path) -> tuple[int, list[str]]:
        """Returns the number of rows and the columns of a file.

        Raises `ConfigError` if a column is missing.
        """
        with _open(path) as file:
            names = list(file.schema_arrow.names)
            for key, name in (("image", self.image), ("label", self.label)):
                if name is not None and name not in names:
                    listed = ", ".join(names[:10])
                    raise ConfigError(f"data.{key}={name}: {path} has only the columns {listed}")
            return file.metadata.num_rows, names

    def _signature(self, files: list[Path]) -> str:
        settings = (self.image, self.size, self.channels, self.skip_bad)
        hashed = hashlib.sha256(repr(settings).encode())
        for path in files:
            stat = path.stat()
            hashed.update(f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
        return hashed.hexdigest()[:32]

    def _images(self, files: list[Path]) -> Iterator[tuple[str, Encoded]]:
        for path in files:
            for row, value in enumerate(_column(path, self.image)):
                content = value.get(BYTES) if isinstance(value, dict) else value
                if content is not None and not isinstance(content, bytes):
                    raise DataDamaged(
                        f"{path}: the column {self.image} must hold bytes, or structs with "
                        f"the field {BYTES}, but holds {type(content).__name__}"
                    )
                yield f"{path}: row {row}", io.BytesIO(content or b"")

    def _labels(self, files: list[Path], label: str, count: int) -> NDArray[np.int64]:
        values = [value for path in files for value in _column(path, label)]
        where = f"{files[0]}: {label}" if len(files) == 1 else f"{self.path}: {label}"
        if None in values:
            raise DataDamaged(f"{where}: row {values.index(None)} has no label")
        if all(isinstance(value, str) for value in values):
            return encode_classes(values)
        return check_labels(np.array(values), count, where)


def _column(path: Path, name: str) -> Iterator[Any]:
    """Yields the values of a column."""
    with _open(path) as file:
        for batch in file.iter_batches(batch_size=ROWS, columns=[name]):
            yield from batch.column(0).to_pylist()


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Opens a file; its errors become `DataDamaged`, in one line with its path."""
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ConfigError("data=parquet needs pyarrow: pip install 'genrun[parquet]'") from error
    try:
        with ParquetFile(path) as file:
            yield file
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        text = " ".join((str(error) or type(error).__name__).split())[:200]
        raise DataDamaged(f"{path}: cannot be read as Parquet ({text})") from error
