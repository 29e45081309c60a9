"""Files of the cache are complete or absent, and downloads are checked before they are used."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path
from typing import BinaryIO

import pytest

from genrun.core import cache
from genrun.core.errors import CannotCreate, DataDamaged, InputMissing, OutputFailed

CONTENT = b"a data set" * 10_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def url(tmp_path: Path) -> str:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    return source.as_uri()


def fill_disk(file: BinaryIO) -> None:
    file.write(b"half")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file"
    for content in (b"first", b"second"):
        cache.save_in_cache(target, lambda file, content=content: file.write(content))
        assert target.read_bytes() == content
    with pytest.raises(OutputFailed, match=r"cannot be written \(No space left"):
        cache.save_in_cache(target, fill_disk)
    assert target.read_bytes() == b"second"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotCreate, match="cannot be used as a cache"):
        cache.save_in_cache(tmp_path / "file" / "target", fill_disk)


def test_a_download_is_checked_before_it_is_used(url: str, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "target"
    with pytest.raises(DataDamaged, match=f"has SHA-256 {DIGEST}"):
        cache.download(url, target, "0" * 64, "copy it")
    with pytest.raises(
        InputMissing, match=r"target: is not on this machine.*cannot be read.*copy"
    ):
        cache.download(f"{url}-not", target, DIGEST, "copy it")
    assert list(target.parent.iterdir()) == []
    assert cache.download(url, target, DIGEST, "copy it") == target
    assert target.read_bytes() == CONTENT


def test_a_full_disk_is_no_fault_of_the_address(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.os, "fsync", fail)
    with pytest.raises(OutputFailed, match="No space left"):
        cache.download(url, tmp_path / "target", DIGEST, "copy it")
    assert not (tmp_path / "target").exists()
