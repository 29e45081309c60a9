"""A YAML file that is not genrun's own, checked before anything is made of it.

YAML's surprises are refused with their line: aliases that grow, tags, keys given twice, and
numbers that are not what they look like.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from genrun.config.hydra_internals import ConfigRepository
from genrun.core.errors import ConfigError

MOST_BYTES = 200_000
MOST_NODES = 20_000
MOST_DEPTH = 40
STANDARD = "tag:yaml.org,2002:"
NOT_TEXT = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SURPRISING = re.compile(r"[-+]?(0[0-7_]+|[1-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")


class CheckedRepository(ConfigRepository):
    """Hydra's repository, in which a user's own file is checked before it is read."""

    def load_config(self, config_path: str) -> ConfigResult | None:
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is not None and source.scheme() == "file" and source.provider != "main":
            check_yaml(Path(source.path) / source._normalize_file_name(config_path))
        return super().load_config(config_path)


def check_yaml(path: Path) -> None:
    """Raises `ConfigError` with the file and the line."""
    text = _text(path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            return
        if not isinstance(root, MappingNode):
            raise ConfigError(f"{path}:1: must be KEY: VALUE lines")
        _check(path, root, {}, 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError(f"{path}:{mark.line + 1 if mark else 1}: {said}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: is nested more than {MOST_DEPTH} deep") from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8 text") from error
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{path}: has more than {MOST_BYTES} bytes")
    if bad := NOT_TEXT.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        raise ConfigError(f"{path}:{line}: holds the control character {bad[0]!r}")
    return text


def _check(path: Path, node: Node, sizes: dict[int, int], depth: int) -> int:
    """Checks a node and those below it; returns their number with all aliases expanded."""
    place = f"{path}:{node.start_mark.line + 1}"
    if sizes.get(id(node)) == 0:
        raise ConfigError(f"{place}: an alias within what it stands for")
    if id(node) in sizes:
        return sizes[id(node)]
    sizes[id(node)] = 0  # until all below it is known
    if depth > MOST_DEPTH:
        raise ConfigError(f"{place}: is nested more than {MOST_DEPTH} deep")
    if not node.tag.startswith(STANDARD) or "python" in node.tag:
        raise ConfigError(f"{place}: the tag {node.tag.replace(STANDARD, '!!')} is not allowed")
    below: list[Node] = []
    if isinstance(node, ScalarNode):
        _check_number(place, node)
    elif isinstance(node, SequenceNode):
        below = node.value
    elif isinstance(node, MappingNode):
        _check_keys(path, node)
        below = [value for _, value in node.value]
    size = 1 + sum(_check(path, inner, sizes, depth + 1) for inner in below)
    if size > MOST_NODES:
        raise ConfigError(f"{place}: its aliases stand for more than {MOST_NODES} values")
    sizes[id(node)] = size
    return size


def _check_number(place: str, node: ScalarNode) -> None:
    plain = node.style is None and node.tag in (f"{STANDARD}int", f"{STANDARD}float")
    if plain and SURPRISING.fullmatch(node.value):
        read = yaml.safe_load(node.value)
        raise ConfigError(
            f"{place}: YAML reads {node.value} as {read}; write {read}, or quotes for text"
        )


def _check_keys(path: Path, node: MappingNode) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if key.tag == f"{STANDARD}merge":
            continue
        if key.tag != f"{STANDARD}str":
            raise ConfigError(f"{path}:{line}: the key {key.value} must be text; quote it")
        if key.value in seen:
            first = seen[key.value]
            raise ConfigError(f"{path}:{line}: the key {key.value} stands on line {first} too")
        seen[key.value] = line
