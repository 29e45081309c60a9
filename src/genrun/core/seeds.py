"""Seeds derived from a seed and names by a hash, so that randomness has no state."""

from __future__ import annotations

import zlib
from functools import lru_cache

_MASK = (1 << 64) - 1


def mix(value: int) -> int:
    """Returns 64 bits hashed to 64 bits: SplitMix64's finalizer (Steele et al., OOPSLA 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


@lru_cache(maxsize=4096)
def _mix_name(name: str) -> int:
    return mix(zlib.crc32(name.encode()))


def fold_in(seed: int, *uses: str | int) -> int:
    """Returns another seed for each sequence of `uses`, a signed 64-bit integer."""
    for use in uses:
        seed = mix(seed ^ (_mix_name(use) if isinstance(use, str) else mix(use)))
    return _to_signed(seed)


def _to_signed(value: int) -> int:
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value
