"""Warnings of a verdict: what makes its comparison unfair or optimistic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from genrun.comparison.contestants import Contestant
from genrun.comparison.entries import WorkloadEntry
from genrun.comparison.quality import median_total
from genrun.comparison.search_spaces import Space
from genrun.core.formatting import pluralize
from genrun.results.curve import Axis

UNEVEN = 0.1  # share by which compute may differ
MOST_NAMED = 6  # contestants in one warning


def collect_warnings(entry: WorkloadEntry) -> list[str]:
    """Returns one line for each warning."""
    judged, spaces = [one for one in entry.contestants if one.runs], entry.spaces
    trials = {one.name: len(one.tried) for one in judged}
    seeds = {one.name: len(one.runs) for one in judged}
    found = [
        *_uneven("numbers of trials", trials, lambda number: pluralize(round(number), "trial")),
        *_spaces(judged, spaces),
        *_compute(judged),
        *_uneven("numbers of seeds", seeds, lambda number: pluralize(round(number), "seed")),
        *_edges(judged, spaces),
        *_data(judged),
    ]
    if optimistic := [one.name for one in judged if one.sound and not one.confirmed]:
        found.append(
            f"{_listed(optimistic)}: the best of several configurations was chosen by the same "
            "runs that it is judged by, so its values are optimistic; genrun prove re-runs the "
            "chosen ones on fresh seeds"
        )
    return found


def _uneven(
    what: str, numbers: Mapping[str, float], text: Callable[[float], str]
) -> Iterator[str]:
    if len(set(numbers.values())) > 1:
        order = sorted(numbers, key=lambda name: numbers[name])
        texts = [f"{name} {text(numbers[name])}" for name in order]
        if len(texts) > MOST_NAMED:
            texts = [f"from {texts[0]} to {texts[-1]}"]
        yield f"different {what}: {', '.join(texts)}"


def _spaces(judged: Sequence[Contestant], spaces: Mapping[str, Space]) -> Iterator[str]:
    searched = [one for one in judged if len(one.tried) > 1]
    if len({tuple(spaces[one.label].size.items()) for one in searched}) > 1:
        texts = [f"{one.name} {spaces[one.label].text()}" for one in searched]
        yield f"different search spaces: {_listed(texts, '; ')}"


def _compute(judged: Sequence[Contestant]) -> Iterator[str]:
    """Compares FLOPs per run, or steps if the FLOPs of a run are not known."""
    sound = [one for one in judged if one.sound]
    axes: tuple[Axis, ...] = ("flops", "steps")
    for axis in axes:
        spent = {one.name: median_total(one, axis) for one in sound}
        if not spent or any(map(math.isnan, spent.values())):
            continue
        if max(spent.values()) > (1 + UNEVEN) * min(spent.values()):
            shown = "FLOPs" if axis == "flops" else axis
            yield from _uneven(f"compute ({shown} a run)", spent, lambda number: f"{number:.3g}")
        return


def _edges(judged: Sequence[Contestant], spaces: Mapping[str, Space]) -> Iterator[str]:
    for one in judged:
        if one.chosen is None or len(one.tried) < 2:
            continue
        for key in spaces[one.label].dimensions:
            word = one.chosen.settings.get(key)
            edge = None if word is None else spaces[one.label].edge(key, word)
            if edge is not None:
                yield (
                    f"{one.name}: its best, {key}={word}, lies on the {edge} edge of what was "
                    "searched; a wider space may have a better one"
                )


def _data(judged: Sequence[Contestant]) -> Iterator[str]:
    """The same settings may load different files."""
    digests = {run.data for one in judged for run in one.runs.values() if run.data is not None}
    if len(digests) > 1:
        yield f"the runs' images differ: {len(digests)} digests of data under the same settings"


def _listed(texts: Sequence[str], between: str = ", ") -> str:
    more = len(texts) - MOST_NAMED
    return between.join(texts[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
