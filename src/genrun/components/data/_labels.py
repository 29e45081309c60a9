"""Class labels as they are found, to labels as models see them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrun.core.errors import DataDamaged

MOST_CLASSES = 65_536


def class_labels(values: NDArray[Any], count: int, where: str) -> NDArray[np.int64]:
    """Labels of `count` images, int64 from 0. `where` begins the line that says what is wrong.

    Raises `DataDamaged` where they are no whole numbers from 0, or not one an image.
    """
    if values.shape != (count,):
        shape = "x".join(map(str, values.shape)) or "a single number"
        raise DataDamaged(f"{where}: must be one label for each of {count} images, and is {shape}")
    if values.dtype.kind not in "iu":
        raise DataDamaged(f"{where}: labels must be whole numbers, and are {values.dtype}")
    if count and not 0 <= int(values.min()) <= int(values.max()) < MOST_CLASSES:
        raise DataDamaged(
            f"{where}: labels must be from 0 to {MOST_CLASSES - 1}, and are from {values.min()} "
            f"to {values.max()}"
        )
    return values.astype(np.int64)


def numbered(names: list[str]) -> NDArray[np.int64]:
    """The place of each name among all of them in their order."""
    place = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([place[name] for name in names], np.int64)
