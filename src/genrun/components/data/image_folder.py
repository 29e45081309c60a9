"""Any folder of image files, resized and cropped, decoded once into the cache."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrun.components.data._decoding import Decoder
from genrun.components.data._labels import encode_classes
from genrun.core.errors import ConfigError, InputMissing
from genrun.core.protocols.data import ImageSet

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


@dataclass(frozen=True)
class ImageFolder:
    """All image files below `root`; the shorter side is resized to `size`, the centre cut out.

    `channels` is 1 (grey) or 3 (RGB). The decoded images are cached under a name made of the
    settings and of each file's path, size and modification time.

    If all images are in at least two sub-folders of `root`, and none deeper or in `root` itself,
    the sub-folders are the classes, numbered in the order of their names; otherwise there are no
    labels.
    """

    root: str | None
    size: int
    channels: int
    skip_bad: bool

    def load(self) -> ImageSet:
        root, files = self._files()
        decoder = Decoder(self.size, self.channels, self.skip_bad)
        encoded = ((str(path), path) for path in files)
        images, indices = decoder.decode_all(
            "image_folder", self._signature(files), len(files), encoded
        )
        labels = _labels(root, files)
        return ImageSet(
            "image_folder",
            images,
            skipped=len(files) - len(images),
            labels=None if labels is None else labels[indices],
        )

    def _files(self) -> tuple[Path, list[Path]]:
        if self.root is None:
            raise ConfigError("data.root=null: data=image_folder needs a folder, data.root=FOLDER")
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
        return root, files

    def _signature(self, files: list[Path]) -> str:
        hashed = hashlib.sha256(f"{self.size} {self.channels} {self.skip_bad}".encode())
        for path in files:
            stat = path.stat()
            hashed.update(f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
        return hashed.hexdigest()[:32]


def _labels(root: Path, files: list[Path]) -> NDArray[np.int64] | None:
    folders = [path.relative_to(root).parts[:-1] for path in files]
    if len(set(folders)) < 2 or any(len(folder) != 1 for folder in folders):
        return None
    return encode_classes([folder[0] for folder in folders])
