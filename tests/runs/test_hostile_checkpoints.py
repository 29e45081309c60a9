"""What a file's header may say before any memory is taken for it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from genrun.runs.safetensors_header import read_header
from genrun.runs.untrusted_json import DEEPEST, parse_json

GOOD = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}


def file(path: Path, header: Any, data: bytes = bytes(24), length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    said = len(text) if length is None else length
    path.write_bytes(struct.pack("<Q", said) + text + data)
    return path


def changed(**fields: Any) -> dict[str, Any]:
    return {"a": {**GOOD["a"], **fields}}


def test_a_sound_header_is_read(tmp_path: Path) -> None:
    form = read_header(file(tmp_path / "x", GOOD)).tensors["a"]
    assert (form.dtype, form.shape) == ("F32", (2, 3))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"[]", "no object"),
        (b"{", "Expecting"),
        (b"\xff\xfe", "decode"),
        (b'{"a": 1, "a": 2}', "a key twice"),
        (b'{"a":' * 10**5 + b"1" + b"}" * 10**5, "nested more than"),
        (b"[" * 10**6, "nested more than"),
        ({"a": 7}, "other keys"),
        (changed(more=1), "other keys"),
        (changed(dtype="F8_E4M3"), "unknown dtype"),
        (changed(dtype=["F32"]), "unknown dtype"),
        (changed(shape=[2, 2**62]), "impossible shape"),
        (changed(shape=[2, -3]), "impossible shape"),
        (changed(shape=[2, True, 3]), "impossible shape"),
        (changed(shape=[1] * 17), "impossible shape"),
        (changed(shape=[2**31, 2**31]), "does not fill"),
        (changed(data_offsets=[0]), "impossible offsets"),
        (changed(data_offsets=[24, 0]), "does not fill"),
        (changed(data_offsets=[8, 32]), "overlap or leave holes"),
        ({**GOOD, "b": GOOD["a"]}, "overlap or leave holes"),
        ({}, "take 0 bytes and 24 are there"),
        ({**GOOD, "__metadata__": {"genrun": 1}}, "not text"),
        ({**GOOD, "__metadata__": []}, "not text"),
    ],
)
def test_a_wrong_header_is_refused(header: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_header(file(tmp_path / "x", header))


@pytest.mark.parametrize("length", [2**63, 2**40, 10**6, 0, 3])
def test_a_wrong_length_is_refused(length: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bytes long|Expecting|Unterminated"):
        read_header(file(tmp_path / "x", GOOD, length=length))


def test_a_file_shorter_than_a_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"1234567")
    with pytest.raises(ValueError, match="shorter"):
        read_header(tmp_path / "x")


def test_depth_counts_brackets_outside_strings() -> None:
    assert parse_json(b'{"[[[[": "' + b"[" * 10 * DEEPEST + b'"}') == {"[[[[": "[" * 10 * DEEPEST}
    parse_json(b"[" * DEEPEST + b"]" * DEEPEST)
    with pytest.raises(ValueError, match="nested"):
        parse_json(b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1))
