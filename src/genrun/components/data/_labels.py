"""Class labels in files, and as models use them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrun.core.errors import DataDamaged

MAX_CLASSES = 65_536


def check_labels(values: NDArray[Any], count: int, where: str) -> NDArray[np.int64]:
    """Returns the labels of `count` images as int64.

    Raises `DataDamaged`, with a message that begins with `where`, if they are not whole numbers
    from 0, one per image.
    """
    if values.shape != (count,):
        shape = "x".join(map(str, values.shape)) or "a single number"
        raise DataDamaged(f"{where}: must be one label for each of {count} images, but is {shape}")
    if values.dtype.kind not in "iu":
        raise DataDamaged(f"{where}: labels must be whole numbers, but are {values.dtype}")
    if count and not 0 <= int(values.min()) <= int(values.max()) < MAX_CLASSES:
        raise DataDamaged(
            f"{where}: labels must be from 0 to {MAX_CLASSES - 1}, but are from {values.min()} "
            f"to {values.max()}"
        )
    return values.astype(np.int64)


def encode_classes(names: list[str]) -> NDArray[np.int64]:
    """Returns the index of each name among the sorted distinct names."""
    index = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([index[name] for name in names], np.int64)
