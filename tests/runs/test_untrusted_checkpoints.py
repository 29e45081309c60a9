"""What an untrusted file's header may contain before any memory is taken for it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from genrun.runs.checkpoint import LONGEST_HEADER, read_header
from genrun.runs.untrusted_json import DEEPEST, parse_json

GOOD = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}


def file(path: Path, header: Any, data: bytes = bytes(24), length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    claimed = len(text) if length is None else length
    path.write_bytes(struct.pack("<Q", claimed) + text + data)
    return path


def changed(**fields: Any) -> dict[str, Any]:
    return {"a": {**GOOD["a"], **fields}}


def test_a_sound_header_is_read(tmp_path: Path) -> None:
    metadata, tensors = read_header(file(tmp_path / "x", GOOD))
    assert metadata == {}
    assert (tensors["a"].dtype, tensors["a"].shape) == (torch.float32, (2, 3))
    assert tensors["a"].is_meta


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"[]", "damaged .*invalid type"),
        (b"{", "damaged .*EOF"),
        (b"\xff\xfe", "damaged .*UTF-8"),
        (b'{"a":' * 10**5 + b"1" + b"}" * 10**5, "damaged .*recursion"),
        (b"[" * 10**6, "damaged"),
        ({"a": 7}, "damaged .*invalid type"),
        (changed(dtype="F8_E4M3"), "damaged .*data type"),
        (changed(dtype="F8_E4M3", shape=[24]), "unknown dtype F8_E4M3"),
        (changed(dtype=["F32"]), "damaged .*invalid type"),
        (changed(shape=[2, 2**62]), "damaged .*overflow"),
        (changed(shape=[2, -3]), "damaged .*invalid value"),
        (changed(shape=[2, True, 3]), "damaged .*invalid type"),
        (changed(shape=[10**30]), "damaged .*invalid type"),
        (changed(shape=[1] * 17), "damaged .*invalid shape"),
        (changed(shape=[1] * 15 + [2, 3]), "17 dimensions"),
        (changed(shape=[2**31, 2**31]), "damaged .*overflow"),
        (changed(data_offsets=[0]), "damaged .*length"),
        (changed(data_offsets=[24, 0]), "damaged .*offset"),
        (changed(data_offsets=[8, 32]), "damaged .*offset"),
        (changed(data_offsets=[2**63, 2**64 - 1]), "damaged .*offset"),
        ({**GOOD, "b": GOOD["a"]}, "damaged .*offset"),
        ({}, "damaged .*not fully covered"),
        ({**GOOD, "__metadata__": {"genrun": 1}}, "damaged .*string"),
        ({**GOOD, "__metadata__": []}, "damaged .*map"),
    ],
)
def test_a_wrong_header_is_refused(header: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_header(file(tmp_path / "x", header))


def test_a_shape_whose_product_overflows_to_nothing_is_refused(tmp_path: Path) -> None:
    header = changed(shape=[0, 2**61, 2**61], data_offsets=[0, 0])
    with pytest.raises(ValueError, match="impossible shape"):
        read_header(file(tmp_path / "x", header, data=b""))


@pytest.mark.parametrize("length", [2**63, 2**40, 10**6, 0, 3])
def test_a_wrong_length_is_refused(length: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bytes long|EOF"):
        read_header(file(tmp_path / "x", GOOD, length=length))


def test_a_header_is_bounded_even_in_a_file_that_is_long_enough(tmp_path: Path) -> None:
    path = file(tmp_path / "x", json.dumps(GOOD).encode() + b" " * LONGEST_HEADER)
    with pytest.raises(ValueError, match="bytes long"):
        read_header(path)


def test_a_file_shorter_than_a_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"1234567")
    with pytest.raises(ValueError, match="too short"):
        read_header(tmp_path / "x")


def test_depth_counts_brackets_outside_strings() -> None:
    assert parse_json(b'{"[[[[": "' + b"[" * 10 * DEEPEST + b'"}') == {"[[[[": "[" * 10 * DEEPEST}
    parse_json(b"[" * DEEPEST + b"]" * DEEPEST)
    with pytest.raises(ValueError, match="nested"):
        parse_json(b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1))


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_json(b'{"a": 1, "a": 2}')
