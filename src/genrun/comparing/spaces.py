"""What each contestant searched: a search's stated space, a proof's, or a grid's values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrun.comparing.contender import TUNING, Contender
from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.evidence.arrangement import Configuration
from genrun.evidence.collect import PROOF
from genrun.runs.strict_json import read_json
from genrun.sweeps.plan import read_plan
from genrun.sweeps.search.space import Choices, Dimension, Range, dimension

LARGEST_PROOF = 1 << 24
RANDOM = ("random", "qmc")  # samplers whose trials know nothing of each other
FEWEST_VALUES = 3  # of a grid, from which on one of them is not on its edge


@dataclass(frozen=True)
class Space:
    """Dimensions by setting, and who chose the points: a sampler's name or `grid`."""

    dimensions: Mapping[str, Dimension]
    sampler: str

    @property
    def at_random(self) -> bool:
        return self.sampler in RANDOM

    @property
    def size(self) -> dict[str, str]:
        """How large each dimension is, as text to be compared."""
        return {key: _size(given) for key, given in sorted(self.dimensions.items())}

    def text(self) -> str:
        named = (f"{key}={given.text}" for key, given in sorted(self.dimensions.items()))
        return ", ".join(named) or "nothing"

    def edge(self, key: str, word: str) -> str | None:
        """`lower` or `upper`, where a value is on the edge of a dimension that has an order."""
        given = self.dimensions.get(key)
        if given is None or not _is_number(word):
            return None
        if isinstance(given, Range):
            return None if given.log and float(word) <= 0 else given.bound(word)
        if len(given.words) < FEWEST_VALUES or not all(map(_is_number, given.words)):
            return None
        values = [float(value) for value in given.words]
        ends = {min(values): "lower", max(values): "upper"}
        return ends.get(float(word))


def space_of(contender: Contender, known: dict[Path, Mapping[str, Any]]) -> Space:
    """`known` keeps what was read, by folder, so that each file is read once."""
    runs = [run for one in contender.tried for run in one.runs]
    if runs and all(run.stage == TUNING and run.sweep for run in runs):
        stated = [_of_proof(run.sweep.parent, contender, known) for run in runs[:1] if run.sweep]
        return Space(_dimensions(stated[0], contender.tried), RANDOM[0])
    sweeps = dict.fromkeys(run.sweep for run in runs)
    searches = [_search(sweep, known) if sweep else {} for sweep in sweeps]
    if not searches or not all(searches):
        return Space(_swept(contender.tried), "grid")
    samplers = {str(search["sampler"]) for search in searches}
    space = {key: text for search in searches for key, text in search["space"].items()}
    sampler = samplers.pop() if len(samplers) == 1 else "several searches"
    return Space(_dimensions(space, contender.tried), sampler)


def _of_proof(
    folder: Path, contender: Contender, known: dict[Path, Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The stated space of a contestant; empty where the proof's file says nothing of it."""
    path = folder / PROOF
    if path not in known:
        try:
            content = read_json(path, LARGEST_PROOF)
        except (ValueError, OSError):  # the runs are sound all the same
            content = {}
        known[path] = content if isinstance(content, dict) else {}
    spaces = known[path].get("spaces")
    own = spaces.get(contender.name) if isinstance(spaces, dict) else None
    return own if isinstance(own, dict) else {}


def _search(folder: Path, known: dict[Path, Mapping[str, Any]]) -> Mapping[str, Any]:
    """How a search was told to search; empty for a grid."""
    if folder not in known:
        try:
            known[folder] = read_plan(folder).search or {}
        except CheckpointUnusable:  # it was sound when its runs were collected
            known[folder] = {}
    return known[folder]


def _dimensions(
    space: Mapping[str, Any], configurations: Sequence[Configuration]
) -> dict[str, Dimension]:
    """Those of the space in which the contestant's own configurations differ."""
    found: dict[str, Dimension] = {}
    for key, given in _swept(configurations).items():
        text = space.get(key)
        try:
            found[key] = dimension(key, text) if isinstance(text, str) else given
        except ConfigError:  # a stranger's file
            found[key] = given
    return found


def _swept(configurations: Sequence[Configuration]) -> dict[str, Choices]:
    keys = dict.fromkeys(key for one in configurations for key in one.settings)
    found = {}
    for key in keys:
        words = _in_order(one.settings[key] for one in configurations if key in one.settings)
        found[key] = Choices(f"{len(words)} values", tuple(words))
    return found


def _in_order(words: Iterable[str]) -> list[str]:
    unique = list(dict.fromkeys(words))
    return sorted(unique, key=float) if all(map(_is_number, unique)) else unique


def _size(given: Dimension) -> str:
    if isinstance(given, Choices):
        return f"{len(given.words)} values"
    if given.log:
        return f"{math.log10(given.high / given.low):.3g} decades"
    return f"{given.high - given.low:.3g} wide"


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
