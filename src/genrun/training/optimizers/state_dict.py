"""What an optimizer keeps, learned by letting a copy of it take one step."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from genrun.training.optimizers.closure import takes_closure
from genrun.training.optimizers.probe import (
    copy_with_state,
    copy_without_state,
    parameters_of,
    step_on_quadratic,
)


# MERGED: An optimizer's state in the form of a checkpoint.
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


STEPS = 3  # of L-BFGS, whose history begins with its second iteration, be that its second step


def state_forms(optimizer: Optimizer) -> dict[int, dict[str, Any]]:
    """By the parameter's index and the name: tensors, lists and numbers of the right form."""
    tried = copy_without_state(optimizer)
    for _ in range(STEPS if takes_closure(type(optimizer)) else 1):
        step_on_quadratic(tried)
    return {i: dict(tried.state.get(p, {})) for i, p in enumerate(parameters_of(tried))}


def check_state_tensors(optimizer: Optimizer, given: Mapping[str, Tensor]) -> None:
    """Raises `ValueError` where tensors, by their path, are not such as it would keep.

    Paths are those of `split_optimizer_state`. A parameter that never had a gradient has no
    tensors; one that had has all, but for those that may be numbers.
    """
    forms = state_forms(optimizer)
    longest = max(group.get("history_size", 0) for group in optimizer.param_groups)
    found: dict[int, set[str]] = {}
    for path, tensor in given.items():
        index, _, rest = path.partition("/")
        name, _, place = rest.partition("/")
        number = int(index) if index.isdecimal() else -1
        if not _fits(tensor, forms.get(number, {}).get(name), place, longest):
            raise ValueError(f"its optimizer's {path} is not of this optimizer's form")
        found.setdefault(number, set()).add(name)
    for number, names in found.items():
        kept = {k for k, v in forms[number].items() if isinstance(v, Tensor) and v.dim() > 0}
        if missing := kept - names:
            raise ValueError(f"its optimizer's {number}/{min(missing)} is missing")


def _fits(tensor: Tensor, own: Any, place: str, longest: int) -> bool:
    """Whether a tensor can be what the optimizer has there, or an entry of the list it has."""
    if place:
        if not isinstance(own, list) or not place.isdecimal():
            return False
        inner = [entry for entry in own if isinstance(entry, Tensor)]
        return int(place) < max(len(own), longest) and any(_same(tensor, t) for t in inner)
    if isinstance(own, Tensor):
        return _same(tensor, own)
    return isinstance(own, int | float) and tensor.dim() == 0  # L-BFGS's step size is either


def _same(tensor: Tensor, own: Tensor) -> bool:
    return (tensor.shape, tensor.dtype) == (own.shape, own.dtype)


def check_hyperparameters(optimizer: Optimizer, groups: Sequence[Mapping[str, Any]]) -> None:
    """Raises `ValueError` where a checkpoint's groups change a number of things it was made with.

    How many iterations and how much history: what a checkpoint says of them could take any time
    and memory. What is counted while training is not among an optimizer's arguments.
    """
    arguments = inspect.signature(type(optimizer)).parameters
    for own, given in zip(optimizer.param_groups, groups, strict=True):
        for name in (set(own) & set(arguments)) - {"lr"}:
            counts = isinstance(own[name], int | str) and not isinstance(own[name], bool)
            if counts and given[name] != own[name]:
                raise ValueError(f"its optimizer's {name} is {given[name]}, not {own[name]}")


def check_can_step(optimizer: Optimizer) -> None:
    """Raises `ValueError` where the state that it has been given breaks its next step."""
    tried = copy_with_state(optimizer)
    try:
        step_on_quadratic(tried)
    except Exception as error:  # a state can be wrong in any way
        raise ValueError(f"its optimizer cannot go on ({error})") from error
