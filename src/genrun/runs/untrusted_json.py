"""Reading JSON from untrusted files: bounded size and depth, no key twice, a schema."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEEPEST = 32
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)

Schema = (
    Any  # a type, a union of types, {key: Schema}, [Schema], MapOf(Schema) or Nullable(Schema)
)


class MapOf:
    """A mapping with any keys, whose values have one schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema


class Nullable:
    """A value that may also be null."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema


def parse_json(text: bytes) -> Any:
    """Parses JSON without duplicate keys, nested at most `DEEPEST` deep. Raises `ValueError`."""
    depth = 0
    for byte in re.findall(rb"[\[\]{}]", STRING.sub(b"", text)):
        depth += 1 if byte in b"[{" else -1
        if depth > DEEPEST:
            raise ValueError(f"its JSON is nested more than {DEEPEST} deep")
    try:
        return json.loads(text.decode(), object_pairs_hook=_no_duplicates)
    except RecursionError as error:  # the scan above is wrong about strings in malformed JSON
        raise ValueError("its JSON is nested too deep") from error


def read_json(path: Path, largest: int) -> Any:
    """Reads a JSON file. Raises `ValueError` if it is a link, too large or damaged; `OSError`."""
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


def check_schema(value: Any, schema: Schema, key: str = "it") -> None:
    """Raises `ValueError` naming the first place where a value does not match the schema.

    Mappings may have more keys than the schema.
    """
    if isinstance(schema, MapOf):
        _check_type(value, dict, key)
        for name, inner in value.items():
            check_schema(inner, schema.schema, f"{key}.{name}")
    elif isinstance(schema, Nullable):
        if value is not None:
            check_schema(value, schema.schema, key)
    elif isinstance(schema, Mapping):
        _check_type(value, dict, key)
        for name, inner in schema.items():
            if name not in value:
                raise ValueError(f"{key} has no {name!r}")
            check_schema(value[name], inner, f"{key}.{name}")
    elif isinstance(schema, list):
        _check_type(value, list, key)
        for inner in value:
            check_schema(inner, schema[0], key)
    else:
        _check_type(value, schema, key)


def _check_type(value: Any, schema: Any, key: str) -> None:
    if not isinstance(value, schema) or (isinstance(value, bool) and schema is not bool):
        name = getattr(schema, "__name__", str(schema))
        raise ValueError(f"{key!r} is {type(value).__name__} and must be {name}")
