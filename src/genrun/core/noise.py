"""Randomness as a function: the same key gives the same numbers, whenever it is asked.

A key is (seed, step) as a tensor and a path of uses as an integer. The tensor half may be
batched by `torch.vmap`, so runs with different seeds can be trained as one program; the integer
half costs a microsecond to extend. Nothing here reads or moves the global generators.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

_MASK = (1 << 64) - 1


def mix(value: int) -> int:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): 64 bits to 64 bits."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


@lru_cache(maxsize=4096)
def _number(use: str | int) -> int:
    return use if isinstance(use, int) else zlib.crc32(use.encode())


@lru_cache(maxsize=65536)
def _fold_path(path: int, use: str | int) -> int:
    return _signed(mix(path ^ mix(_number(use))))


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]  # torch's own
def _fold_constant(path: int, use: str | int) -> int:
    """`torch.compile` takes the path as the constant it is instead of tracing the hash."""
    return _fold_path(path, use)


def fold_in(seed: int, *uses: str | int) -> int:
    """A seed of its own for each sequence of `uses`; a signed 64-bit integer."""
    for use in uses:
        seed = mix(seed ^ mix(_number(use)))
    return _signed(seed)


def _signed(value: int) -> int:
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


@dataclass(frozen=True)
class Key:
    """What a draw of noise is a function of.

    `base` is an int64 tensor of shape () on the CPU, also when the noise is drawn on a GPU:
    reading it never waits for the device.
    """

    base: Tensor
    path: int = 0

    @classmethod
    def of(cls, seed: int, *uses: str | int) -> Key:
        return cls(torch.tensor(fold_in(seed, *uses), dtype=torch.int64))

    def fold(self, use: str | int) -> Key:
        """A key for one use of this one; different uses give unrelated noise."""
        return Key(self.base, _fold_constant(self.path, use))


def normal(key: Key, shape: Sequence[int], like: Tensor) -> Tensor:
    """Standard normal noise of `shape`, with the dtype and device of `like`."""
    draw = _normal if _transformed() else _draw_normal
    drawn: Tensor = draw(key.base, key.path, list(shape), like.dtype, like.device)
    return drawn


def uniform(key: Key, shape: Sequence[int], like: Tensor) -> Tensor:
    """Noise uniform on [0, 1) of `shape`, with the dtype and device of `like`."""
    draw = _uniform if _transformed() else _draw_uniform
    drawn: Tensor = draw(key.base, key.path, list(shape), like.dtype, like.device)
    return drawn


def _transformed() -> bool:
    """Whether torch.compile or a torch.func transform looks on.

    They need the custom operators; plain calls go past them, which halves the cost of a draw.
    """
    in_transform = torch._C._functorch.peek_interpreter_stack() is not None
    return torch.compiler.is_compiling() or in_transform


def _generator(base: Tensor, path: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(fold_in(int(base), path) & (_MASK >> 1))


def _draw_normal(
    base: Tensor, path: int, shape: Sequence[int], dtype: torch.dtype, device: torch.device
) -> Tensor:
    generator = _generator(base, path, device)
    return torch.randn(shape, generator=generator, dtype=dtype, device=device)


def _draw_uniform(
    base: Tensor, path: int, shape: Sequence[int], dtype: torch.dtype, device: torch.device
) -> Tensor:
    generator = _generator(base, path, device)
    return torch.rand(shape, generator=generator, dtype=dtype, device=device)


_normal = torch.library.custom_op("genrun::normal", _draw_normal, mutates_args=())
_uniform = torch.library.custom_op("genrun::uniform", _draw_uniform, mutates_args=())


def _fake(
    base: Tensor, path: int, shape: Sequence[int], dtype: torch.dtype, device: torch.device
) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=device)


def _register_vmap(draw: torch._library.custom_ops.CustomOpDef) -> None:
    def batched(  # type: ignore[no-untyped-def]  # torch passes its own `info` class
        info, in_dims, base, path, shape, dtype, device
    ):
        bases = base.unbind(in_dims[0])
        return torch.stack([draw(one, path, shape, dtype, device) for one in bases]), 0

    draw.register_vmap(batched)


for _draw in (_normal, _uniform):
    _draw.register_fake(_fake)
    _register_vmap(_draw)


class _LayerKeys:
    """The keys handed to layers in the order in which they ask."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.asked = 0

    def next(self) -> Key:
        self.asked += 1
        return self.key.fold(self.asked)


_open_scopes: list[_LayerKeys] = []


@contextmanager
def layer_keys(key: Key) -> Iterator[None]:
    """While open, layers that need noise (dropout) draw it from `key`, each call its own."""
    _open_scopes.append(_LayerKeys(key))
    try:
        yield
    finally:
        _open_scopes.pop()


def next_layer_key() -> Key:
    """The key for one call of a layer.

    Raises `RuntimeError` outside `layer_keys`: noise without a key could not be repeated.
    """
    if not _open_scopes:
        raise RuntimeError("a layer asked for noise outside noise.layer_keys(key)")
    return _open_scopes[-1].next()


def seed_global_generators(seed: int, device: torch.device) -> None:
    """Re-seeds torch's global generators, for layers of others that draw from them.

    `torch.manual_seed` would walk all devices (85 µs); this is 1 µs a step.
    """
    torch.default_generator.manual_seed(seed & (_MASK >> 1))
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed & (_MASK >> 1))
