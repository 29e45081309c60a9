"""The search space of each contestant: stated by a search or a proof, or the values of a grid."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrun.comparison.contestants import Contestant
from genrun.core.errors import CheckpointUnusable, ConfigError
from genrun.results.grouping import Configuration
from genrun.results.proof_file import Proof, find_proof
from genrun.runs import layout
from genrun.sweeps.plan import read_plan
from genrun.sweeps.search.space import Choices, Dimension, Range, parse_dimension

GRID = "grid"
RANDOM = ("random", "qmc")  # samplers whose trials are independent
FEWEST_VALUES = 3  # of a grid, from which on one of them is not on its edge


@dataclass(frozen=True)
class Space:
    """Dimensions by setting, and the name of the sampler, or `grid`."""

    dimensions: Mapping[str, Dimension]
    sampler: str

    @property
    def at_random(self) -> bool:
        return self.sampler in RANDOM

    @property
    def size(self) -> dict[str, str]:
        """The size of each dimension as text, to be compared between contestants."""
        return {key: _size(given) for key, given in sorted(self.dimensions.items())}

    def text(self) -> str:
        named = (f"{key}={given.text}" for key, given in sorted(self.dimensions.items()))
        return ", ".join(named) or "nothing"

    def edge(self, key: str, word: str) -> str | None:
        """Returns `lower` or `upper` if a value is on a bound of a range or of a grid's numbers.

        Listed values of a search are choices without an order.
        """
        given = self.dimensions.get(key)
        if given is None or isinstance(given, Range) or self.sampler != GRID:
            return None if given is None else given.find_bound(word)
        if len(given.options) < FEWEST_VALUES or not all(map(_is_number, [word, *given.options])):
            return None
        values = [float(value) for value in given.options]
        ends = {min(values): "lower", max(values): "upper"}
        return ends.get(float(word))


class SpaceFiles:
    """Search spaces stated by plans and proofs; each file is read once."""

    def __init__(self) -> None:
        self._searches: dict[Path, Mapping[str, Any]] = {}
        self._proofs: dict[Path, Proof | None] = {}

    def read_search(self, sweep: Path) -> Mapping[str, Any]:
        """The search settings of a sweep's plan; empty for a grid."""
        if sweep not in self._searches:
            try:
                self._searches[sweep] = read_plan(sweep).search or {}
            except CheckpointUnusable:  # changed since its runs were collected
                self._searches[sweep] = {}
        return self._searches[sweep]

    def read_proof_space(self, sweep: Path, job: str) -> Mapping[str, str]:
        """The search space of a tuning job's contestant; empty if it is not stated."""
        if sweep.parent not in self._proofs:
            self._proofs[sweep.parent] = find_proof(sweep.parent)
        proof = self._proofs[sweep.parent]
        return {} if proof is None else proof.spaces.get(job, {})


def read_space(contestant: Contestant, files: SpaceFiles) -> Space:
    """Returns the space that a search or a proof stated, else the values that were swept."""
    runs = [run for one in contestant.tried for run in one.runs]
    if any(run.sweep is None for run in runs):
        return Space(_swept(contestant.tried), GRID)
    if all(run.stage == layout.TUNING for run in runs):
        stated = [files.read_proof_space(run.sweep, run.folder.name) for run in runs if run.sweep]
        samplers = {RANDOM[0]}
    else:
        searches = [files.read_search(sweep) for sweep in {run.sweep for run in runs} if sweep]
        if not all(searches):
            return Space(_swept(contestant.tried), GRID)
        stated = [search["space"] for search in searches]
        samplers = {str(search["sampler"]) for search in searches}
    space = {key: text for one in stated for key, text in one.items()}
    sampler = samplers.pop() if len(samplers) == 1 else "several searches"
    return Space(_dimensions(space, contestant.tried), sampler)


def _dimensions(
    space: Mapping[str, Any], configurations: Sequence[Configuration]
) -> dict[str, Dimension]:
    """Those of the space in which the contestant's own configurations differ."""
    found: dict[str, Dimension] = {}
    for key, given in _swept(configurations).items():
        text = space.get(key)
        try:
            found[key] = parse_dimension(key, text) if isinstance(text, str) else given
        except ConfigError:  # of an untrusted file
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
