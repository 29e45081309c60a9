"""Final values of real runs, 80 seeds each, from which equal contestants are drawn.

pools.json names the commands that made them. `worst` is the worst value that any of those runs
ever evaluated: what stands for a failure where a mean is taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parent / "pools.json"


@dataclass(frozen=True)
class Pool:
    name: str
    values: NDArray[np.float64]  # by seed
    worst: float


@dataclass(frozen=True)
class PairPool:
    """Two learning rates, run with the same seeds."""

    name: str
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    worst: float

    @property
    def correlation(self) -> float:
        return float(np.corrcoef(self.first, self.second)[0, 1])


def single_pools() -> list[Pool]:
    return [
        Pool(name, np.array(next(iter(found["by_lr"].values()))), found["worst"])
        for name, found in _read().items()
    ]


def pair_pools() -> list[PairPool]:
    return [
        PairPool(name, *(np.array(values) for values in found["by_lr"].values()), found["worst"])
        for name, found in _read().items()
        if len(found["by_lr"]) == 2
    ]


def _read() -> dict[str, dict]:
    return json.loads(FILE.read_text())["pools"]
