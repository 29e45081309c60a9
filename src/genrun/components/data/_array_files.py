"""Arrays in untrusted files: no pickle, and no more memory than the file's size justifies.

The size that a header declares is compared with the file before memory is allocated for it.
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
CHUNK = 1 << 24  # bytes
COPIES = 2  # in memory at once: the array, and the images in another layout or split
MAX_DEFLATE_RATIO = 1032  # zlib.net, "maximum compression factor"
SAFETENSORS_DTYPES = ("U8", "I8", "I16", "I32", "I64", "F16", "F32", "F64")
NUMBER_KINDS = "uif"  # of numpy's dtypes


@dataclass(frozen=True)
class Arrays:
    """The names of the arrays in an open file, and a function that reads one.

    `read` may raise anything that the context of the file turns into `DataDamaged`.
    """

    names: list[str]
    read: Callable[[str], Array]


Reader = Callable[[Path], AbstractContextManager[Arrays]]


@contextmanager
def open_npy(path: Path) -> Iterator[Arrays]:
    """Opens a file with one array, which gets the file's name."""
    with _read_errors(path), path.open("rb") as file:
        size = path.stat().st_size
        yield Arrays([path.stem], lambda name: _read_npy(file, size))


@contextmanager
def open_npz(path: Path) -> Iterator[Arrays]:
    """Opens a zip archive of `.npy` files."""
    with _read_errors(path), zipfile.ZipFile(path) as archive:
        members = {
            info.filename.removesuffix(".npy"): info
            for info in archive.infolist()
            if info.filename.endswith(".npy")
        }

        def read(name: str) -> Array:
            info = members[name]
            if info.file_size > MAX_DEFLATE_RATIO * (info.compress_size + 1):
                raise ValueError(f"{name} cannot have {info.file_size} bytes when unpacked")
            with archive.open(info) as file:
                return _read_npy(file, info.file_size)

        yield Arrays(list(members), read)


@contextmanager
def open_safetensors(path: Path) -> Iterator[Arrays]:
    """Opens a file of the safetensors format."""
    from safetensors import SafetensorError, safe_open

    with _read_errors(path, SafetensorError), safe_open(path, framework="np") as file:

        def read(name: str) -> Array:
            dtype = file.get_slice(name).get_dtype()
            if dtype not in SAFETENSORS_DTYPES:
                raise ValueError(f"{name} is {dtype}, not one of {', '.join(SAFETENSORS_DTYPES)}")
            check_free_memory(COPIES * path.stat().st_size, str(path))
            return np.asarray(file.get_tensor(name))

        yield Arrays(sorted(file.keys()), read)


READERS: dict[str, Reader] = {
    ".npy": open_npy, ".npz": open_npz, ".safetensors": open_safetensors
}  # fmt: skip


def _read_npy(file: Any, size: int) -> Array:
    """Returns the array of a stream of `size` bytes in numpy's format (NEP 1)."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"format version {version[0]}.{version[1]} is not supported")
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran_order, dtype = header(file)
    if dtype.kind not in NUMBER_KINDS or min(shape, default=0) < 0:
        raise ValueError(f"the array has dtype {dtype}, which is no number")
    needed = math.prod(shape) * dtype.itemsize
    if file.tell() + needed != size:
        raise ValueError(
            f"{'x'.join(map(str, shape))} {dtype} need {needed} bytes after the header, "
            f"but there are {size - file.tell()}"
        )
    check_free_memory(COPIES * needed, "an array of " + "x".join(map(str, shape)))
    content = _read(file, needed)
    return np.frombuffer(content, dtype).reshape(shape, order="F" if is_fortran_order else "C")


def _read(file: BinaryIO, needed: int) -> bytearray:
    """Reads in chunks, so that a wrong header cannot make the process allocate `needed` bytes."""
    content = bytearray()
    while piece := file.read(min(CHUNK, needed - len(content))):
        content += piece
    if len(content) < needed:
        raise ValueError(f"the file ends {needed - len(content)} bytes too early")
    return content


@contextmanager
def _read_errors(path: Path, *more: type[Exception]) -> Iterator[None]:
    """Context that turns errors of a damaged file into `DataDamaged`, in one line."""
    damage: tuple[type[Exception], ...] = (
        ValueError, EOFError, KeyError, SyntaxError, NotImplementedError, RuntimeError, OSError,
        RecursionError, OverflowError, zipfile.BadZipFile, ZlibError, *more,
    )  # fmt: skip
    try:
        yield
    except damage as error:
        text = " ".join((str(error) or type(error).__name__).split())[:200]
        raise DataDamaged(f"{path}: cannot be read ({text})") from error
