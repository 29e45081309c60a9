"""Randomness as a function: the same key gives the same numbers, whenever it is asked.

A key is a base, made from the seed and the step, and a path of uses as an integer. The base may
be a tensor, which `torch.vmap` can batch, so that runs with different seeds are trained as one
program. Nothing here reads or moves the global generators but `seed_global_generators`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from genrun.core.seeds import fold_in as fold_in
from genrun.core.types import BatchShard

_POSITIVE = (1 << 63) - 1  # what torch's generators take as seeds


@lru_cache(maxsize=65536)
def _fold_path(path: int, use: str | int) -> int:
    return fold_in(path, use)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]  # torch's own
def _fold_constant(path: int, use: str | int) -> int:
    """`torch.compile` takes the path as the constant it is instead of tracing the hash."""
    return _fold_path(path, use)


@dataclass(frozen=True)
class Key:
    """What a draw of noise is a function of.

    `base` is an integer or, under `torch.compile` and `torch.vmap`, an int64 tensor of shape () on
    the CPU, also when the noise is drawn on a GPU: reading it never waits for the device.
    """

    base: int | Tensor
    path: int = 0

    @classmethod
    def from_seed(cls, seed: int, *uses: str | int) -> Key:
        return cls(fold_in(seed, *uses))

    def fold(self, use: str | int) -> Key:
        """A key for one use of this one; different uses give unrelated noise."""
        return Key(self.base, _fold_constant(self.path, use))


def normal(key: Key, shape: Sequence[int], like: Tensor) -> Tensor:
    """Standard normal noise of `shape`, with the dtype and device of `like`.

    Its first dimension is the batch: where several processes train on one batch (`layer_keys`),
    it is this one's share of what one process alone would draw.
    """
    return _drawn(_normal, _draw_normal, key, shape, like)


def uniform(key: Key, shape: Sequence[int], like: Tensor) -> Tensor:
    """Noise uniform on [0, 1) of `shape`, with the dtype and device of `like`, shared alike."""
    return _drawn(_uniform, _draw_uniform, key, shape, like)


def _drawn(
    operator: torch._library.custom_ops.CustomOpDef,
    plain: Callable[..., Tensor],
    key: Key,
    shape: Sequence[int],
    like: Tensor,
) -> Tensor:
    share = layer_keys.shard()
    whole = shape if share is None else share.whole(shape)
    if _transformed():
        drawn = _by_operator(operator, key, whole, like)
    else:
        drawn = plain(key.base, key.path, whole, like.dtype, like.device)
    return drawn if share is None else share.part(drawn, shape)


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
    return _reused_generator(device).manual_seed(fold_in(int(base), path) & _POSITIVE)


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
    """While open, layers that need noise (dropout) draw it from `key`, each call its own.

    With a `share`, every draw is of the whole batch, and this process gets its rows of it.
    """

    _open: ClassVar[list[layer_keys]] = []

    def __init__(self, key: Key, share: BatchShard | None = None) -> None:
        self.key = key
        self._share = share
        self.asked = 0  # keys are handed out in the order in which layers ask

    def __enter__(self) -> None:
        self._open.append(self)

    def __exit__(self, *raised: object) -> None:
        self._open.pop()

    @classmethod
    def shard(cls) -> BatchShard | None:
        """The share of the scope that was opened last."""
        return cls._open[-1]._share if cls._open else None

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
    torch.default_generator.manual_seed(seed & _POSITIVE)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed & _POSITIVE)
