"""What each contestant searched: a search's stated space, a proof's, or a grid's values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrun.comparison.contestants import Contestant
from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.results.grouping import Configuration
from genrun.results.proof_file import Proof, proof_of
from genrun.runs import layout
from genrun.sweeps.plan import read_plan
from genrun.sweeps.search.space import Choices, Dimension, Range, parse_dimension

GRID = "grid"
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
        """`lower` or `upper`, where a value is on the edge of a range, or of a grid's numbers.

        Values that a search was given are choices: nobody said that others lie beyond them.
        """
        given = self.dimensions.get(key)
        if given is None or not _is_number(word):
            return None
        if isinstance(given, Range):
            return None if given.log and float(word) <= 0 else given.find_bound(word)
        few = len(given.options) < FEWEST_VALUES
        if few or self.sampler != GRID or not all(map(_is_number, given.options)):
            return None
        values = [float(value) for value in given.options]
        ends = {min(values): "lower", max(values): "upper"}
        return ends.get(float(word))


class Files:
    """Spaces that plans and proofs state, each file read once."""

    def __init__(self) -> None:
        self._searches: dict[Path, Mapping[str, Any]] = {}
        self._proofs: dict[Path, Proof | None] = {}

    def of_search(self, sweep: Path) -> Mapping[str, Any]:
        """How a search was told to search; empty for a grid."""
        if sweep not in self._searches:
            try:
                self._searches[sweep] = read_plan(sweep).search or {}
            except CheckpointUnusable:  # it was sound when its runs were collected
                self._searches[sweep] = {}
        return self._searches[sweep]

    def of_proof(self, sweep: Path, job: str) -> Mapping[str, str]:
        """What the contestant of a tuning job searched; empty where it is not said."""
        if sweep.parent not in self._proofs:
            self._proofs[sweep.parent] = proof_of(sweep.parent)
        proof = self._proofs[sweep.parent]
        return {} if proof is None else proof.spaces.get(job, {})


def space_of(contender: Contestant, files: Files) -> Space:
    """Of a search or a proof what it stated, else the values that were swept."""
    runs = [run for one in contender.tried for run in one.runs]
    if any(run.sweep is None for run in runs):
        return Space(_swept(contender.tried), GRID)
    if all(run.stage == layout.TUNING for run in runs):
        stated = [files.of_proof(run.sweep, run.folder.name) for run in runs if run.sweep]
        samplers = {RANDOM[0]}
    else:
        searches = [files.of_search(sweep) for sweep in {run.sweep for run in runs} if sweep]
        if not all(searches):
            return Space(_swept(contender.tried), GRID)
        stated = [search["space"] for search in searches]
        samplers = {str(search["sampler"]) for search in searches}
    space = {key: text for one in stated for key, text in one.items()}
    sampler = samplers.pop() if len(samplers) == 1 else "several searches"
    return Space(_dimensions(space, contender.tried), sampler)


def _dimensions(
    space: Mapping[str, Any], configurations: Sequence[Configuration]
) -> dict[str, Dimension]:
    """Those of the space in which the contestant's own configurations differ."""
    found: dict[str, Dimension] = {}
    for key, given in _swept(configurations).items():
        text = space.get(key)
        try:
            found[key] = parse_dimension(key, text) if isinstance(text, str) else given
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
        return f"{len(given.options)} values"
    if given.log:
        return f"{math.log10(given.high / given.low):.3g} decades"
    return f"{given.high - given.low:.3g} wide"


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
