"""An optimizer's state in the form of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def split_optimizer_state(state: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimizer's `state_dict` as tensors by path, and the rest.

    A path is `index/name`, or `index/name/place` for an entry of a list, whose place in the rest
    is null.
    """
    tensors: dict[str, Tensor] = {}
    values: dict[str, Any] = {}
    for index, entries in state["state"].items():
        for name, value in entries.items():
            path = f"{index}/{name}"
            if isinstance(value, Tensor):
                tensors[path] = value
            elif isinstance(value, list):
                inner = {f"{path}/{i}": t for i, t in enumerate(value) if isinstance(t, Tensor)}
                tensors |= inner
                values[path] = [None if isinstance(v, Tensor) else v for v in value]
            else:
                values[path] = value
    # in an order of their own, as L-BFGS's entries come in another one after they were restored
    ordered = dict(sorted(tensors.items())), dict(sorted(values.items()))
    return ordered[0], {"groups": state["param_groups"], "values": ordered[1]}


def join_optimizer_state(tensors: Mapping[str, Tensor], rest: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `split_optimizer_state`. Tensors are copied: torch would alias them."""
    state: dict[int, dict[str, Any]] = {}
    for path, value in rest["values"].items():
        index, name = path.split("/")
        state.setdefault(int(index), {})[name] = list(value) if isinstance(value, list) else value
    for path, tensor in tensors.items():
        index, name, *place = path.split("/")
        entries = state.setdefault(int(index), {})
        if place:
            entries[name][int(place[0])] = tensor.clone()
        else:
            entries[name] = tensor.clone()
    return {"state": state, "param_groups": rest["groups"]}
