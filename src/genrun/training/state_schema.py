"""Whether a checkpoint's record has the schema of the record that this run would write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VARYING = "record.schedules"  # whose keys come and go with the warm-up
TEXT_LISTS = ("names",)  # keys of lists of text; every other list is of numbers


def check_record_schema(expected: Any, found: Any, key: str = "record") -> None:
    """Raises `ValueError` naming the first place where keys or types differ.

    A value that is null or empty now may be numbers later, and the reverse.
    """
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            raise ValueError(f"{key} is no mapping")
        if not key.startswith(VARYING) and not set(expected) <= set(found):
            raise ValueError(f"{key} has no {min(set(expected) - set(found))!r}")
        for name, value in found.items():
            check_record_schema(expected.get(name), value, f"{key}.{name}")
    elif isinstance(expected, list) and any(isinstance(entry, Mapping) for entry in expected):
        if not isinstance(found, list) or len(found) != len(expected):
            raise ValueError(f"{key} is no list of {len(expected)}")
        for entry, value in zip(expected, found, strict=True):
            check_record_schema(entry, value, key)
    elif isinstance(expected, str):
        if not isinstance(found, str):
            raise ValueError(f"{key} is {type(found).__name__} and must be text")
    elif found not in (None, expected) and not _is_scalar_or_list(
        found, str if key.rpartition(".")[2] in TEXT_LISTS else (int, float)
    ):
        raise ValueError(f"{key} is neither a number nor a list of numbers")


def _is_scalar_or_list(value: Any, kind: Any) -> bool:
    """Whether a value is of `kind`, or a list (of lists) of it, in which numbers may be null."""
    if isinstance(value, list):
        return all(
            _is_scalar_or_list(entry, kind) or (entry is None and kind is not str)
            for entry in value
        )
    return isinstance(value, kind)
