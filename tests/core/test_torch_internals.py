"""The private interfaces of torch exist and behave as `core/torch_internals.py` needs."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest
import torch
from torch import Tensor

ADVICE = (
    f"torch {torch.__version__} has moved or changed a private interface that genrun uses. "
    "The docstring of src/genrun/core/torch_internals.py says what is needed of it and where to "
    "look for its successor; no other file has to change."
)


@pytest.fixture
def internals() -> ModuleType:
    try:
        return importlib.import_module("genrun.core.torch_internals")
    except (ImportError, AttributeError) as error:
        pytest.fail(f"{ADVICE} ({error})")


def test_a_plain_call_is_not_transformed(internals: ModuleType) -> None:
    assert internals.is_transformed() is False, ADVICE


@pytest.mark.parametrize("transform", [torch.vmap, torch.func.grad])
def test_a_functorch_transform_is_seen_inside_of_it_only(
    internals: ModuleType, transform: type
) -> None:
    seen = []

    def function(value: Tensor) -> Tensor:
        seen.append(internals.is_transformed())
        return value.sum()

    transform(function)(torch.zeros(2))
    assert seen == [True], ADVICE
    assert internals.is_transformed() is False, ADVICE


def test_a_compiled_function_is_seen(internals: ModuleType) -> None:
    def function(value: Tensor) -> Tensor:
        return value + 1 if internals.is_transformed() else value

    compiled = torch.compile(function, backend="eager", fullgraph=True)
    assert compiled(torch.zeros(2)).tolist() == [1, 1], ADVICE


def test_custom_operators_have_the_annotated_class(internals: ModuleType) -> None:
    noise = importlib.import_module("genrun.core.noise")
    assert isinstance(noise._normal, internals.CustomOpDef), ADVICE
