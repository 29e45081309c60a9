"""Arrays in files that a stranger may have written: no pickle, no more memory than there is file.

What a header says is compared with the file's size before memory is taken for an array.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from zlib import error as ZlibError

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from genrun.core.errors import DataDamaged
from genrun.core.memory import check_free_memory

Array = NDArray[Any]
CHUNK = 1 << 24
COPIES = 2  # the array, and the images that are put in order or split
DEFLATE_AT_MOST = 1032  # times as many bytes (zlib.net, "maximum compression factor")
OF_SAFETENSORS = ("U8", "I8", "I16", "I32", "I64", "F16", "F32", "F64")
KINDS = "uif"  # of numbers


@dataclass(frozen=True)
class Arrays:
    """The arrays of an open file. `read` raises `DataDamaged`, `ValueError` or `OSError`."""

    names: list[str]
    read: Callable[[str], Array]


Reader = Callable[[Path], AbstractContextManager[Arrays]]


@contextmanager
def open_npy(path: Path) -> Iterator[Arrays]:
    """One array, whose name is that of the file."""
    with _damage(path), path.open("rb") as file:
        size = path.stat().st_size
        yield Arrays([path.stem], lambda name: _read_npy(file, size))


@contextmanager
def open_npz(path: Path) -> Iterator[Arrays]:
    with _damage(path), zipfile.ZipFile(path) as archive:
        members = {
            info.filename.removesuffix(".npy"): info
            for info in archive.infolist()
            if info.filename.endswith(".npy")
        }

        def read(name: str) -> Array:
            info = members[name]
            if info.file_size > DEFLATE_AT_MOST * (info.compress_size + 1):
                raise ValueError(f"{name} is said to be of {info.file_size} bytes")
            with archive.open(info) as file:
                return _read_npy(file, info.file_size)

        yield Arrays(list(members), read)


@contextmanager
def open_safetensors(path: Path) -> Iterator[Arrays]:
    from safetensors import SafetensorError, safe_open

    with _damage(path, SafetensorError), safe_open(path, framework="np") as file:

        def read(name: str) -> Array:
            dtype = file.get_slice(name).get_dtype()
            if dtype not in OF_SAFETENSORS:
                raise ValueError(f"{name} is {dtype}, not one of {', '.join(OF_SAFETENSORS)}")
            check_free_memory(COPIES * path.stat().st_size, str(path))
            return np.asarray(file.get_tensor(name))

        yield Arrays(sorted(file.keys()), read)


READERS: dict[str, Reader] = {
    ".npy": open_npy, ".npz": open_npz, ".safetensors": open_safetensors
}  # fmt: skip


def _read_npy(file: Any, size: int) -> Array:
    """One array of a stream that is said to be `size` bytes long (numpy's NEP 1)."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"it is of version {version[0]}.{version[1]}")
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, in_columns, dtype = header(file)
    if dtype.kind not in KINDS or min(shape, default=0) < 0:
        raise ValueError(f"it holds {dtype}, and no array of numbers")
    needed = math.prod(shape) * dtype.itemsize
    if file.tell() + needed != size:
        raise ValueError(
            f"{'x'.join(map(str, shape))} {dtype} need {needed} bytes after the header, and "
            f"{size - file.tell()} are there"
        )
    check_free_memory(COPIES * needed, "an array of " + "x".join(map(str, shape)))
    content = _read(file, needed)
    return np.frombuffer(content, dtype).reshape(shape, order="F" if in_columns else "C")


def _read(file: BinaryIO, needed: int) -> bytearray:
    """Piece by piece: what a header says is no reason to take so much memory."""
    content = bytearray()
    while piece := file.read(min(CHUNK, needed - len(content))):
        content += piece
    if len(content) < needed:
        raise ValueError(f"it ends {needed - len(content)} bytes too early")
    return content


@contextmanager
def _damage(path: Path, *more: type[Exception]) -> Iterator[None]:
    """Whatever is wrong with a file's content, as one line that names it."""
    wrong: tuple[type[Exception], ...] = (
        ValueError, EOFError, KeyError, SyntaxError, NotImplementedError, RuntimeError, OSError,
        RecursionError, OverflowError, zipfile.BadZipFile, ZlibError, *more,
    )  # fmt: skip
    try:
        yield
    except wrong as error:
        text = " ".join((str(error) or type(error).__name__).split())[:200]
        raise DataDamaged(f"{path}: cannot be read ({text})") from error
