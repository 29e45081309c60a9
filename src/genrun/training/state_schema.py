"""Whether a checkpoint's record has the form of the one that this trial would write itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHANGING = "record.schedules"  # whose keys come and go with the warm-up
TEXTS = ("names",)  # keys of lists of text; every other list is of numbers


def check_record_schema(own: Any, given: Any, key: str = "record") -> None:
    """Raises `ValueError` naming the first place where keys or types differ.

    What is null or empty now can be numbers later, and the reverse.
    """
    if isinstance(own, Mapping):
        if not isinstance(given, Mapping):
            raise ValueError(f"{key} is no mapping")
        if not key.startswith(CHANGING) and not set(own) <= set(given):
            raise ValueError(f"{key} has no {min(set(own) - set(given))!r}")
        for name, value in given.items():
            check_record_schema(own.get(name), value, f"{key}.{name}")
    elif isinstance(own, list) and any(isinstance(inner, Mapping) for inner in own):
        if not isinstance(given, list) or len(given) != len(own):
            raise ValueError(f"{key} is no list of {len(own)}")
        for inner, value in zip(own, given, strict=True):
            check_record_schema(inner, value, key)
    elif isinstance(own, str):
        if not isinstance(given, str):
            raise ValueError(f"{key} is {type(given).__name__} and must be text")
    elif given not in (None, own) and not _is_plain(
        given, str if key.rpartition(".")[2] in TEXTS else (int, float)
    ):
        raise ValueError(f"{key} is neither a number nor a list of them")


def _is_plain(value: Any, kind: Any) -> bool:
    if isinstance(value, list):
        return all(
            _is_plain(inner, kind) or (inner is None and kind is not str) for inner in value
        )
    return isinstance(value, kind)
