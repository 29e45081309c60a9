"""Random numbers as a function of a key: the same key gives the same numbers at any time.

A key is a base, made from the seed and the step, and a path of uses as an integer. The base may
be a tensor, which `torch.vmap` can batch, so that runs with different seeds are trained as one
program. Nothing here reads or changes torch's global generators except `seed_global_generators`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from genrun.core.seeds import fold_in as fold_in
from genrun.core.torch_internals import CustomOpDef, is_transformed
from genrun.core.types import BatchShard

_POSITIVE = (1 << 63) - 1  # torch's generators take seeds of 63 bits


@lru_cache(maxsize=65536)
def _fold_path(path: int, use: str | int) -> int:
    return fold_in(path, use)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]  # torch's own
def _fold_constant(path: int, use: str | int) -> int:
    """Returns the folded path as a constant to `torch.compile`, which would trace the hash."""
    return _fold_path(path, use)


@dataclass(frozen=True)
class Key:
    """The argument that a draw of noise is a function of.

    `base` is an integer or, under `torch.compile` and `torch.vmap`, an int64 tensor of shape () on
    the CPU, also when the noise is drawn on a GPU: reading it never waits for the device.
    """

    base: int | Tensor
    path: int = 0

    @classmethod
    def from_seed(cls, seed: int, *uses: str | int) -> Key:
        return cls(fold_in(seed, *uses))

    def fold(self, use: str | int) -> Key:
        """Returns the key for one use of this one; different uses give unrelated noise."""
        return Key(self.base, _fold_constant(self.path, use))


def normal(key: Key, shape: Sequence[int], like: Tensor) -> Tensor:
    """Returns standard normal noise of `shape`, with the dtype and device of `like`.

    The first dimension is the batch: when several processes train on one batch (`layer_keys`),
    the result is this process's rows of what a single process would draw.
    """
    return _draw(_normal, _draw_normal, key, shape, like)


def uniform(key: Key, shape: Sequence[int], like: Tensor) -> Tensor:
    """Returns noise uniform on [0, 1), with shape, dtype, device and rows as for `normal`."""
    return _draw(_uniform, _draw_uniform, key, shape, like)


def _draw(
    operator: CustomOpDef,
    function: Callable[..., Tensor],
    key: Key,
    shape: Sequence[int],
    like: Tensor,
) -> Tensor:
    shard = layer_keys.shard()
    full_shape = shape if shard is None else shard.full_shape(shape)
    if is_transformed():
        drawn = _call_operator(operator, key, full_shape, like)
    else:
        drawn = function(key.base, key.path, full_shape, like.dtype, like.device)
    return drawn if shard is None else shard.local_rows(drawn, shape)


def _call_operator(operator: CustomOpDef, key: Key, shape: Sequence[int], like: Tensor) -> Tensor:
    base = key.base if isinstance(key.base, Tensor) else torch.tensor(key.base)
    drawn: Tensor = operator(base, key.path, list(shape), like.dtype, like.device)
    return drawn


# one per device: creating a generator costs as much as seeding it
_reused_generator = lru_cache(torch.Generator)


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


def _register_vmap(operator: CustomOpDef) -> None:
    def batched(  # type: ignore[no-untyped-def]  # torch passes its own `info` class
        info, in_dims, base, path, shape, dtype, device
    ):
        bases = base.unbind(in_dims[0])
        return torch.stack([operator(b, path, shape, dtype, device) for b in bases]), 0

    operator.register_vmap(batched)


for _operator in (_normal, _uniform):
    _operator.register_fake(_fake)
    _register_vmap(_operator)


class layer_keys:  # noqa: N801  # used as a function, like torch.no_grad
    """Context in which layers that need noise (dropout) draw it from `key`, each call its own.

    With a `shard`, every draw is made for the global batch and cut to this process's rows.
    """

    _open: ClassVar[list[layer_keys]] = []

    def __init__(self, key: Key, shard: BatchShard | None = None) -> None:
        self.key = key
        self._shard = shard
        self._calls = 0  # a call's number is folded into its key

    def __enter__(self) -> None:
        self._open.append(self)

    def __exit__(self, *raised: object) -> None:
        self._open.pop()

    @classmethod
    def shard(cls) -> BatchShard | None:
        """Returns the shard of the innermost open context."""
        return cls._open[-1]._shard if cls._open else None

    def next(self) -> Key:
        self._calls += 1
        return self.key.fold("layers").fold(self._calls)


def next_layer_key() -> Key:
    """Returns the key for one call of a layer.

    Raises `RuntimeError` outside of `layer_keys`: noise without a key could not be repeated.
    """
    if not layer_keys._open:
        raise RuntimeError("a layer needs noise outside of noise.layer_keys(key)")
    return layer_keys._open[-1].next()


def seed_global_generators(seed: int, device: torch.device) -> None:
    """Seeds torch's global generators, for layers of other packages that draw from them.

    `torch.manual_seed` would visit all devices (85 µs); this takes 1 µs a step.
    """
    torch.default_generator.manual_seed(seed & _POSITIVE)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed & _POSITIVE)
