"""A run's pictures, read as a stranger's and written anew, small."""

from __future__ import annotations

import io
import os
import re
import stat
import warnings
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

NAME = re.compile(r"step-([0-9]{1,12})\.png")
LARGEST = 1 << 23  # bytes of a file
MOST_PIXELS = 1 << 24
LONGEST_SIDE = 1 << 14  # pixels
MOST_FILES = 100_000  # names that are looked at in a folder


@dataclass(frozen=True)
class Size:
    """How small, and how faithful."""

    side: int  # pixels of the longer side
    quality: int  # of WebP, up to 100


def pictures_of(run: Path) -> dict[int, Path]:
    """A run's samples by step. None where the folder is a link or there is none."""
    folder = run / "samples"
    found = {}
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode) or run.is_symlink():
            return {}
        with os.scandir(folder) as entries:
            for _, entry in zip(range(MOST_FILES), entries, strict=False):
                match = NAME.fullmatch(entry.name)
                if match and entry.is_file(follow_symlinks=False):
                    found[int(match[1])] = Path(entry.path)
    except OSError:
        return {}
    return dict(sorted(found.items()))


def read_picture(path: Path) -> Image.Image | None:
    """The picture as grey or RGB; None for a link, and for what is no sound PNG of sane size."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
                return None
            content = file.read(LARGEST)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # among them Pillow's of a decompression bomb
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                width, height = image.size
                if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
                    return None
                return image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
    except Exception:  # whatever a decoder raises at a stranger's bytes, the picture is left out
        return None


def data_uri(image: Image.Image, size: Size) -> str:
    """The picture, made smaller where it is larger, for the page itself."""
    factor = size.side / max(image.size)
    if factor < 1:
        shape = [max(1, round(length * factor)) for length in image.size]
        image = image.resize((shape[0], shape[1]), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=size.quality, method=4)
    return "data:image/webp;base64," + b64encode(buffer.getvalue()).decode()
