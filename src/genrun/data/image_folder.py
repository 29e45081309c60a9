"""Any tree of images, resized and cropped, decoded once into the cache."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from genrun.core.cache import cache_folder, save_in_cache
from genrun.core.errors import ConfigError, DataDamaged, InputMissing
from genrun.core.progress import progress
from genrun.data.images import ImageSet

BAD_IMAGE = (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError)
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


@dataclass(frozen=True)
class ImageFolder:
    """Each image's shorter side is resized to `size` and the centre is cut out.

    `channels` is 1 (grey) or 3 (RGB). The decoded images are cached under a name made of the
    settings and of each file's path, size and time of change, so any change decodes anew.
    """

    root: str | None
    size: int
    channels: int
    skip_bad: bool

    def load(self) -> ImageSet:
        files = self._files()
        cached = cache_folder() / "image_folder" / f"{self._signature(files)}.npy"
        if cached.is_file():
            try:
                return self._set(np.load(cached, allow_pickle=False), files)
            except (ValueError, OSError, EOFError):
                cached.unlink()  # damaged; it only holds what can be decoded again
        images = self._decode(files)
        save_in_cache(cached, lambda file: np.save(file, images, allow_pickle=False))
        return self._set(images, files)

    def _set(self, images: NDArray[np.uint8], files: list[Path]) -> ImageSet:
        return ImageSet("image_folder", images, skipped=len(files) - len(images))

    def _files(self) -> list[Path]:
        if self.root is None:
            raise ConfigError("data.root: data=image_folder needs the folder, data.root=FOLDER")
        root = Path(self.root).expanduser()
        if not root.exists():
            raise InputMissing(f"data.root={self.root}: there is no such folder")
        if not root.is_dir():
            raise InputMissing(f"data.root={self.root}: is a file, not a folder")
        files = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not files:
            raise InputMissing(
                f"data.root={self.root}: has no image ({', '.join(sorted(SUFFIXES))})"
            )
        return files

    def _signature(self, files: list[Path]) -> str:
        hashed = hashlib.sha256(f"{self.size} {self.channels} {self.skip_bad}".encode())
        for path in files:
            stat = path.stat()
            hashed.update(f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
        return hashed.hexdigest()[:32]

    def _decode(self, files: list[Path]) -> NDArray[np.uint8]:
        images = []
        with progress(f"decoding {len(files)} images", len(files)) as advance:
            for path in files:
                try:
                    images.append(self._read(path))
                except BAD_IMAGE as error:
                    if not self.skip_bad:
                        raise DataDamaged(
                            f"{path}: cannot be read as an image ({error}); "
                            "data.skip_bad=true leaves such files out"
                        ) from error
                advance(1)
        if not images:
            raise DataDamaged(f"data.root={self.root}: none of {len(files)} images can be read")
        return np.stack(images)

    def _read(self, path: Path) -> NDArray[np.uint8]:
        """One image as (channels, size, size)."""
        with Image.open(path) as image:
            upright = _eight_bits(ImageOps.exif_transpose(image))
            upright = upright.convert("L" if self.channels == 1 else "RGB")
        square = ImageOps.fit(upright, (self.size, self.size), Image.Resampling.BICUBIC)
        pixels = np.asarray(square, np.uint8).reshape(self.size, self.size, self.channels)
        return pixels.transpose(2, 0, 1)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey images scaled to 8 bits; Pillow's own conversion would cut them off at 255."""
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image).astype(np.int64).clip(0, 65535)
    return Image.fromarray((pixels >> 8).astype(np.uint8))
