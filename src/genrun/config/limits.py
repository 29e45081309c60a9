"""Bounds of numbers, which stand in a choice's YAML file as comments: `lr: 0.001  # [0, inf)`.

A comment states bounds if it begins with `[`, `(`, `int [`, `int (` or is `any number`:

    lr: 0.001           # [0, inf)
    betas: [0.9, 0.99]  # [0, 1); of each entry of the list
    steps: 2000         # int [1, 100000]; prose after a semicolon
    noise_mean: -1.2    # any number

`[` and `]` include an end of the interval, `(` and `)` exclude it. `null`, where a key may be
null, is not bounded. A key without such a comment has no bounds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from genrun.config.groups import conf_folder
from genrun.core.errors import ConfigError

ANY_NUMBER = "any number"
STATES_BOUNDS = re.compile(r"(int\s*)?[\[(]|any number\b")
NUMBER = r"-?(?:inf|\d+\^\d+|\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
GRAMMAR = re.compile(
    rf"(?:(?P<any>any number)|(?P<whole>int )?(?P<from>[\[(])(?P<low>{NUMBER}), "
    rf"(?P<high>{NUMBER})(?P<to>[\])]))(?:; (?P<prose>\S.*))?"
)
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, if it is there


@dataclass(frozen=True)
class Bound:
    """An interval of numbers, with its description as prose: "at least 0"."""

    low: float
    high: float
    includes_low: bool
    includes_high: bool
    whole: bool  # integers only
    text: str

    def is_within(self, other: Bound) -> bool:
        """Whether every number of this interval is in the other."""
        low = self.low > other.low or (
            self.low == other.low and (other.includes_low or not self.includes_low)
        )
        high = self.high < other.high or (
            self.high == other.high and (other.includes_high or not self.includes_high)
        )
        return low and high and (self.whole or not other.whole)

    def allows(self, value: float) -> bool:
        """Whether a number lies in the interval."""
        above = value > self.low or (self.includes_low and value == self.low)
        below = value < self.high or (self.includes_high and value == self.high)
        return above and below


def parse_comment(comment: str) -> tuple[Bound | None, str]:
    """Returns the bounds that a comment (without its `#`) states, or None, and its prose.

    Raises `ValueError` if it begins like bounds and is malformed.
    """
    comment = comment.strip()
    if not STATES_BOUNDS.match(comment):
        return None, comment
    matched = GRAMMAR.fullmatch(comment)
    if matched is None:
        raise ValueError(
            f"the bounds {comment!r} cannot be read; they are written as [0, inf), (0, 1), "
            "int [1, 100000] or any number, with prose after a semicolon"
        )
    prose = matched["prose"] or ""
    if matched["any"]:
        return Bound(-math.inf, math.inf, False, False, False, ANY_NUMBER), prose
    try:
        low, high = _number(matched["low"]), _number(matched["high"])
    except OverflowError as error:
        raise ValueError(f"the bounds {comment!r} are too large") from error
    includes = matched["from"] == "[", matched["to"] == "]"
    if not low < high or (includes[0] and low == -math.inf) or (includes[1] and high == math.inf):
        raise ValueError(f"the bounds {comment!r} are no interval")
    text = _prose(matched["low"], matched["high"], includes)
    return Bound(low, high, *includes, matched["whole"] is not None, text), prose


def parse_bound(text: str) -> Bound:
    """Returns the bounds that are written as `text`. Raises `ValueError` if it is malformed."""
    bound, prose = parse_comment(text)
    if bound is None or prose:
        raise ValueError(f"{text!r} are no bounds")
    return bound


def bounds_of_file(path: Path) -> dict[str, Bound]:
    """Returns the bounds that a YAML file states, by key; a nested key is written `a.b`.

    Raises `ConfigError` naming file and line if a comment with bounds is malformed.
    """
    stat = path.stat()
    return _read_bounds(path, stat.st_mtime_ns, stat.st_size)


def bounds_of_choice(group: str, choice: str, config_dir: str | None = None) -> dict[str, Bound]:
    """Returns the bounds in the YAML file of a choice, genrun's own or the one in `config_dir`.

    A file in `config_dir` that names a class of genrun's files cannot widen the bounds there: a
    saved run is checked with them. A choice that a package brings in another way has none.
    """
    own = conf_folder() / group / f"{choice}.yaml"
    if own.is_file():
        return bounds_of_file(own)
    path = Path(config_dir or "") / group / f"{choice}.yaml"
    if config_dir is None or not path.is_file():
        return {}
    target = re.search(r"^_target_: *(\S+)", path.read_text(), re.MULTILINE)
    stated, genruns = bounds_of_file(path), bounds_of_target(group, target[1] if target else "")
    narrower = {
        key: bound
        for key, bound in stated.items()
        if key not in genruns or bound.is_within(genruns[key])
    }
    return genruns | narrower


def bounds_of_target(group: str, target: str) -> dict[str, Bound]:
    """Returns the bounds in genrun's own file of a group that has this `_target_`, else none.

    Files of a group with one `_target_` state the same bounds. `runtime` has the target "".
    """
    path = _files_by_target(group).get(target)
    return {} if path is None else bounds_of_file(path)


def skeleton_bounds() -> dict[str, Bound]:
    """Returns the bounds of the keys that belong to no group, from `conf/config.yaml`."""
    return bounds_of_file(conf_folder() / "config.yaml")


@cache
def _files_by_target(group: str) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted((conf_folder() / group).glob("*.yaml")):
        target = re.search(r"^_target_: (\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        files.setdefault(target[1] if target else "", path)
    return files


@cache
def _read_bounds(path: Path, modified: int, size: int) -> dict[str, Bound]:
    """Reads a file once per state of it."""
    text = path.read_text(encoding="utf-8")
    try:
        root = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: {error.problem}") from error
    bounds: dict[str, Bound] = {}
    for key, line, comment in _commented_keys(root, text.split("\n"), ""):
        try:
            bound, _ = parse_comment(comment)
        except ValueError as error:
            raise ConfigError(f"{path}:{line}: {key}: {error}") from error
        if bound is not None:
            bounds[key] = bound
    return bounds


def _commented_keys(node: Any, lines: list[str], prefix: str) -> Iterator[tuple[str, int, str]]:
    """Yields key, line and comment of each key that has a line of its own."""
    if not isinstance(node, MappingNode) or node.flow_style:
        return
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        number, rest = _after_value(key, value, lines)
        if rest.startswith("#"):
            yield name, number + 1, rest[1:]
        yield from _commented_keys(value, lines, f"{name}.")


def _after_value(key: Node, value: Node, lines: list[str]) -> tuple[int, str]:
    """Returns the line in which a value ends and what follows it there.

    Of a value below its key, a text in `|` and an alias, it is the comment in the key's line.
    """
    is_block = isinstance(value, MappingNode | SequenceNode) and not value.flow_style
    is_text = isinstance(value, ScalarNode) and value.style in ("|", ">")
    is_alias = value.start_mark.index < key.end_mark.index  # has the marks of its anchor
    if is_block or is_text or is_alias:
        rest = lines[key.end_mark.line][key.end_mark.column :]
        return key.end_mark.line, rest[rest.find(" #") + 1 :]
    return value.end_mark.line, lines[value.end_mark.line][value.end_mark.column :].strip()


def _number(text: str) -> float:
    base, power, exponent = text.partition("^")
    return float(int(base) ** int(exponent)) if power else float(text)


def _prose(low: str, high: str, includes: tuple[bool, bool]) -> str:
    if high == "inf":
        at_least = "at least" if includes[0] else "above"
        return "of any size" if low == "-inf" else f"{at_least} {low}"
    if low == "-inf":
        return f"{'at most' if includes[1] else 'below'} {high}"
    if includes[0]:
        return f"from {low} to {'' if includes[1] else 'below '}{high}"
    return f"above {low} and {'at most' if includes[1] else 'below'} {high}"
