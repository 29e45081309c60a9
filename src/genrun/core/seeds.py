"""From a seed and words to other seeds: a hash, so that nothing about randomness is a state."""

from __future__ import annotations

import zlib
from functools import lru_cache

_MASK = (1 << 64) - 1


def mix(value: int) -> int:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): 64 bits to 64 bits."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


@lru_cache(maxsize=4096)
def _mixed_name(name: str) -> int:
    return mix(zlib.crc32(name.encode()))


def fold_in(seed: int, *uses: str | int) -> int:
    """A seed of its own for each sequence of `uses`; a signed 64-bit integer."""
    for use in uses:
        seed = mix(seed ^ (_mixed_name(use) if isinstance(use, str) else mix(use)))
    return _signed(seed)


def _signed(value: int) -> int:
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value
