"""The header of a safetensors file, read as if a stranger had written it.

The format: 8 bytes little-endian length, that many bytes of JSON, the tensors one after the other
(https://github.com/huggingface/safetensors, "Format"). Everything is checked against the file's
size before memory is taken for a tensor.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrun.runs.untrusted_json import parse_json

ITEM_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1,
    "U8": 1, "BOOL": 1,
}  # fmt: skip
LONGEST_HEADER = 1 << 24
MOST_DIMENSIONS = 16


@dataclass(frozen=True)
class TensorForm:
    """What a file says a tensor is."""

    dtype: str  # one of ITEM_BYTES
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Header:
    tensors: Mapping[str, TensorForm]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """Raises `ValueError` that says what is wrong, or `OSError`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8:
            raise ValueError("it is shorter than a header's length")
        (length,) = struct.unpack("<Q", start)
        if length > min(size - 8, LONGEST_HEADER):
            raise ValueError(f"its header is said to be {length} bytes long")
        content = parse_json(file.read(length))
    if not isinstance(content, dict):
        raise ValueError("its header is no object")
    metadata = content.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("its metadata is not text")
    return Header(_forms(content, size - 8 - length), metadata)


def _forms(content: Mapping[str, Any], data_size: int) -> dict[str, TensorForm]:
    """Checks that the tensors fill the data exactly, one after the other."""
    forms = {}
    spans = []
    for name, entry in content.items():
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"{name!r} is described by other keys than a tensor's")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
            raise ValueError(f"{name!r} has an unknown dtype")
        if not _are_sizes(shape) or len(shape) > MOST_DIMENSIONS:
            raise ValueError(f"{name!r} has an impossible shape")
        if not _are_sizes(offsets) or len(offsets) != 2:
            raise ValueError(f"{name!r} has impossible offsets")
        begin, end = offsets
        if end - begin != math.prod(shape) * ITEM_BYTES[dtype]:
            raise ValueError(f"{name!r} does not fill its place")
        forms[name] = TensorForm(dtype, tuple(shape))
        spans.append((begin, end))
    place = 0
    for begin, end in sorted(spans):
        if begin != place:
            raise ValueError("its tensors overlap or leave holes")
        place = end
    if place != data_size:
        raise ValueError(f"its tensors take {place} bytes and {data_size} are there")
    return forms


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value < 1 << 62 for value in values
    )
