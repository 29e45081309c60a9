"""Randomness as a function: the same key gives the same numbers, whenever it is asked.

A key is a base, made from the seed and the step, and a path of uses as an integer. The base may
be a tensor, which `torch.vmap` can batch, so that runs with different seeds are trained as one
program. Nothing here reads or moves the global generators but `seed_global_generators`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

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
def _mixed_name(name: str) -> int:
    return mix(zlib.crc32(name.encode()))


@lru_cache(maxsize=65536)
def _fold_path(path: int, use: str | int) -> int:
    return fold_in(path, use)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]  # torch's own
def _fold_constant(path: int, use: str | int) -> int:
    """`torch.compile` takes the path as the constant it is instead of tracing the hash."""
    return _fold_path(path, use)


def fold_in(seed: int, *uses: str | int) -> int:
    """A seed of its own for each sequence of `uses`; a signed 64-bit integer."""
    for use in uses:
        seed = mix(seed ^ (_mixed_name(use) if isinstance(use, str) else mix(use)))
    return _signed(seed)


def _signed(value: int) -> int:
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


@dataclass(frozen=True)
class Key:
    """What a draw of noise is a function of.

    `base` is an integer or, under `torch.compile` and `torch.vmap`, an int64 tensor of shape () on
    the CPU, also when the noise is drawn on a GPU: reading it never waits for the device.
    """

    base: int | Tensor
    path: int = 0

    @classmethod
    def of(cls, seed: int, *uses: str | int) -> Key:
        return cls(fold_in(seed, *uses))

    def fold(self, use: str | int) -> Key:
        """A key for one use of this one; different uses give unrelated noise."""
        return Key(self.base, _fold_constant(self.path, use))


def normal(key: Key, shape: Sequence[int], like: Tensor) -> Tensor:
    """Standard normal noise of `shape`, with the dtype and device of `like`."""
    if _transformed():
        return _by_operator(_normal, key, shape, like)
    return _draw_normal(key.base, key.path, shape, like.dtype, like.device)


def uniform(key: Key, shape: Sequence[int], like: Tensor) -> Tensor:
    """Noise uniform on [0, 1) of `shape`, with the dtype and device of `like`."""
    if _transformed():
        return _by_operator(_uniform, key, shape, like)
    return _draw_uniform(key.base, key.path, shape, like.dtype, like.device)


def _transformed() -> bool:
    """Whether torch.compile or a torch.func transform looks on.

    They need the custom operators; plain calls go past them, which halves the cost of a draw.
    """
    in_transform = torch._C._functorch.peek_interpreter_stack() is not None
    return torch.compiler.is_compiling() or in_transform


def _by_operator(
    draw: torch._library.custom_ops.CustomOpDef, key: Key, shape: Sequence[int], like: Tensor
) -> Tensor:
    base = key.base if isinstance(key.base, Tensor) else torch.tensor(key.base)
    drawn: Tensor = draw(base, key.path, list(shape), like.dtype, like.device)
    return drawn


_reused_generator = lru_cache(torch.Generator)  # one a device: making it costs as much as seeding


def _generator(base: int | Tensor, path: int, device: torch.device) -> torch.Generator:
    return _reused_generator(device).manual_seed(fold_in(int(base), path) & (_MASK >> 1))


def _draw_normal(
    base: int | Tensor, path: int, shape: Sequence[int], dtype: torch.dtype, device: torch.device
) -> Tensor:
    generator = _generator(base, path, device)
    return torch.randn(shape, generator=generator, dtype=dtype, device=device)


def _draw_uniform(
    base: int | Tensor, path: int, shape: Sequence[int], dtype: torch.dtype, device: torch.device
) -> Tensor:
    generator = _generator(base, path, device)
    return torch.rand(shape, generator=generator, dtype=dtype, device=device)


_SCHEMA = "(Tensor base, int path, int[] shape, ScalarType dtype, Device device) -> Tensor"
_normal = torch.library.custom_op("genrun::normal", _draw_normal, mutates_args=(), schema=_SCHEMA)
_uniform = torch.library.custom_op(
    "genrun::uniform", _draw_uniform, mutates_args=(), schema=_SCHEMA
)


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


class layer_keys:  # noqa: N801  # used as a function, like torch.no_grad
    """While open, layers that need noise (dropout) draw it from `key`, each call its own."""

    _open: ClassVar[list[layer_keys]] = []

    def __init__(self, key: Key) -> None:
        self.key = key
        self.asked = 0  # keys are handed out in the order in which layers ask

    def __enter__(self) -> None:
        self._open.append(self)

    def __exit__(self, *raised: object) -> None:
        self._open.pop()

    def next(self) -> Key:
        self.asked += 1
        return self.key.fold("layers").fold(self.asked)


def next_layer_key() -> Key:
    """The key for one call of a layer.

    Raises `RuntimeError` outside `layer_keys`: noise without a key could not be repeated.
    """
    if not layer_keys._open:
        raise RuntimeError("a layer asked for noise outside noise.layer_keys(key)")
    return layer_keys._open[-1].next()


def seed_global_generators(seed: int, device: torch.device) -> None:
    """Re-seeds torch's global generators, for layers of others that draw from them.

    `torch.manual_seed` would walk all devices (85 µs); this is 1 µs a step.
    """
    torch.default_generator.manual_seed(seed & (_MASK >> 1))
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed & (_MASK >> 1))
