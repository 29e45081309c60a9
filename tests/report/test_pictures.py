"""Pictures of untrusted folders: re-encoded if they are sound, else left out."""

from __future__ import annotations

import base64
import io
import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from genrun.report.sections.samples import (
    LARGEST,
    PictureSize,
    data_uri,
    list_pictures,
    read_picture,
)
from tests.report.made_up import grey_png, noise_png, write_pictures

MOST_WRITTEN = 1 << 25


def chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def bomb(width: int, height: int) -> bytes:
    """A PNG of many black pixels in few bytes; of the very largest the header only."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    size = (width + 1) * height
    body = zlib.compress(bytes(size if size < MOST_WRITTEN else 100))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", noise_png(0)[:3000], bomb(60_000, 60_000), bomb(5000, 5000),
     bomb(1 << 20, 1), bytes(LARGEST + 1), grey_png(3).replace(b"IDAT", b"IDAX")],
    ids=["empty", "gif", "torn", "bomb", "large", "long", "heavy", "damaged"],
)  # fmt: skip
def test_what_is_no_sound_picture_is_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    assert read_picture(tmp_path / "x.png") is None


def test_no_link_is_followed(tmp_path: Path) -> None:
    write_pictures(tmp_path, {0: grey_png(1), 20: grey_png(2)})
    (tmp_path / "samples" / "step-000040.png").symlink_to(tmp_path / "samples" / "step-000000.png")
    (tmp_path / "samples" / "step-000060.png").mkdir()
    (tmp_path / "samples" / "step-000000-reconstructions.png").write_bytes(grey_png(1))
    assert list(list_pictures(tmp_path)) == [0, 20]
    assert read_picture(tmp_path / "samples" / "step-000040.png") is None
    other = tmp_path / "other"
    other.mkdir()
    (other / "samples").symlink_to(tmp_path / "samples")
    assert list_pictures(other) == {}
    os.mkfifo(tmp_path / "samples" / "step-000080.png")
    assert read_picture(tmp_path / "samples" / "step-000080.png") is None


def test_a_picture_is_written_anew_and_small(tmp_path: Path) -> None:
    image = Image.new("RGBA", (300, 150), (200, 10, 10, 255))
    image.save(tmp_path / "x.png", pnginfo=None, exif=b"Exif\0\0secret")
    found = read_picture(tmp_path / "x.png")
    assert found is not None
    uri = data_uri(found, PictureSize(100, 80))
    kind, _, body = uri.partition(";base64,")
    assert kind == "data:image/webp"
    content = base64.b64decode(body)
    assert b"secret" not in content
    small = Image.open(io.BytesIO(content))
    assert small.size == (100, 50)
    red, green, blue = small.convert("RGB").getpixel((50, 25))  # type: ignore[misc]
    assert abs(red - 200) < 8
    assert max(green, blue) < 30
