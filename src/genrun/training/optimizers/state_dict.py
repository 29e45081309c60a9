"""Optimizers' state dicts as tensors by path and JSON, and checks of those read from files."""

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

PROBE_STEPS = 3  # for L-BFGS, whose history begins with its second iteration


def split_optimizer_state(state: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Splits an optimizer's `state_dict` into tensors by path and the rest (JSON's types).

    A path is `index/name`, or `index/name/position` for an entry of a list, which is null in the
    rest.
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
    # sorted, because the order of L-BFGS's entries changes when they are restored
    rest = {"groups": state["param_groups"], "values": dict(sorted(values.items()))}
    return dict(sorted(tensors.items())), rest


def join_optimizer_state(tensors: Mapping[str, Tensor], rest: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `split_optimizer_state`. Tensors are copied: torch would alias them."""
    state: dict[int, dict[str, Any]] = {}
    for path, value in rest["values"].items():
        index, name = path.split("/")
        state.setdefault(int(index), {})[name] = list(value) if isinstance(value, list) else value
    for path, tensor in tensors.items():
        index, name, *position = path.split("/")
        entries = state.setdefault(int(index), {})
        if position:
            entries[name][int(position[0])] = tensor.clone()
        else:
            entries[name] = tensor.clone()
    return {"state": state, "param_groups": rest["groups"]}


def probe_state(optimizer: Optimizer) -> dict[int, dict[str, Any]]:
    """Returns the state after a step on copies, by the parameter's index and the entry's name."""
    copied = copy_without_state(optimizer)
    for _ in range(PROBE_STEPS if takes_closure(type(optimizer)) else 1):
        step_on_quadratic(copied)
    return {i: dict(copied.state.get(p, {})) for i, p in enumerate(parameters_of(copied))}


def check_state_tensors(optimizer: Optimizer, found: Mapping[str, Tensor]) -> None:
    """Raises `ValueError` if tensors by path differ from those of this optimizer's state.

    Paths are those of `split_optimizer_state`. A parameter that never had a gradient has no
    tensors; any other has all of them, except those that may also be numbers.
    """
    expected = probe_state(optimizer)
    longest = max(group.get("history_size", 0) for group in optimizer.param_groups)
    names_found: dict[int, set[str]] = {}
    for path, tensor in found.items():
        index, _, rest = path.partition("/")
        name, _, position = rest.partition("/")
        number = int(index) if index.isdecimal() else -1
        if not _fits(tensor, expected.get(number, {}).get(name), position, longest):
            raise ValueError(f"its optimizer's {path} does not fit this optimizer")
        names_found.setdefault(number, set()).add(name)
    for number, names in names_found.items():
        state = expected[number]
        required = {k for k, v in state.items() if isinstance(v, Tensor) and v.dim() > 0}
        if missing := required - names:
            raise ValueError(f"its optimizer's {number}/{min(missing)} is missing")


def _fits(tensor: Tensor, expected: Any, position: str, longest: int) -> bool:
    """Whether a tensor can replace an entry of the state, or an entry of a list in it."""
    if position:
        if not isinstance(expected, list) or not position.isdecimal():
            return False
        tensors = [entry for entry in expected if isinstance(entry, Tensor)]
        return int(position) < max(len(expected), longest) and any(
            _same_form(tensor, t) for t in tensors
        )
    if isinstance(expected, Tensor):
        return _same_form(tensor, expected)
    return isinstance(expected, int | float) and tensor.dim() == 0  # L-BFGS's step size is either


def _same_form(tensor: Tensor, expected: Tensor) -> bool:
    return (tensor.shape, tensor.dtype) == (expected.shape, expected.dtype)


def check_hyperparameters(optimizer: Optimizer, groups: Sequence[Mapping[str, Any]]) -> None:
    """Raises `ValueError` if a checkpoint's groups change an integer or text argument.

    Numbers of iterations and lengths of histories from an untrusted file could take any amount of
    time and memory. What an optimizer counts while training is not among its arguments.
    """
    arguments = inspect.signature(type(optimizer)).parameters
    for group, found in zip(optimizer.param_groups, groups, strict=True):
        for name in (set(group) & set(arguments)) - {"lr"}:
            value = group[name]
            is_fixed = isinstance(value, int | str) and not isinstance(value, bool)
            if is_fixed and found[name] != value:
                raise ValueError(f"its optimizer's {name} is {found[name]}, not {value}")


def check_can_step(optimizer: Optimizer) -> None:
    """Raises `ValueError` if the optimizer's next step fails with the state it has loaded."""
    copied = copy_with_state(optimizer)
    try:
        step_on_quadratic(copied)
    except Exception as error:  # a damaged state can fail in any way
        raise ValueError(f"its optimizer cannot take a step ({error})") from error
