"""JSON and its form, read as if a stranger had written it."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEEPEST = 32
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)

Form = Any  # a type, a union of types, {key: Form}, [Form], MapOf(Form) or Nullable(Form)


class MapOf:
    """The form of a mapping whose keys are free."""

    def __init__(self, form: Form) -> None:
        self.form = form


class Nullable:
    """What may also be null."""

    def __init__(self, form: Form) -> None:
        self.form = form


def parse_json(text: bytes) -> Any:
    """JSON without duplicate keys, nested no deeper than `DEEPEST`. Raises `ValueError`."""
    depth = 0
    for byte in re.findall(rb"[\[\]{}]", STRING.sub(b"", text)):
        depth += 1 if byte in b"[{" else -1
        if depth > DEEPEST:
            raise ValueError(f"its JSON is nested more than {DEEPEST} deep")
    try:
        return json.loads(text.decode(), object_pairs_hook=_no_duplicates)
    except RecursionError as error:  # the scan above took something for a string that is none
        raise ValueError("its JSON is nested too deep") from error


def read_json(path: Path, largest: int) -> Any:
    """A file's JSON. Raises `ValueError` where it is a link, too large or damaged; `OSError`."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError("it is no regular file")
    if path.stat().st_size > largest:
        raise ValueError(f"it is larger than {largest} bytes")
    return parse_json(path.read_bytes())


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("its JSON has a key twice")
    return found


def check_schema(value: Any, form: Form, key: str = "it") -> None:
    """Whether parsed JSON has the keys and the types that `form` names; it may have more keys.

    Raises `ValueError` that names the first place where it has not.
    """
    if isinstance(form, MapOf):
        _check_type(value, dict, key)
        for name, inner in value.items():
            check_schema(inner, form.form, f"{key}.{name}")
    elif isinstance(form, Nullable):
        if value is not None:
            check_schema(value, form.form, key)
    elif isinstance(form, Mapping):
        _check_type(value, dict, key)
        for name, inner in form.items():
            if name not in value:
                raise ValueError(f"{key} has no {name!r}")
            check_schema(value[name], inner, f"{key}.{name}")
    elif isinstance(form, list):
        _check_type(value, list, key)
        for inner in value:
            check_schema(inner, form[0], key)
    else:
        _check_type(value, form, key)


def _check_type(value: Any, form: Any, key: str) -> None:
    if not isinstance(value, form) or (isinstance(value, bool) and form is not bool):
        name = getattr(form, "__name__", str(form))
        raise ValueError(f"{key!r} is {type(value).__name__} and must be {name}")
