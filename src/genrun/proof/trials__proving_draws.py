"""Trials drawn at random, each a function of the seed, the contestant and its own number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping

import numpy as np

from genrun.sweeps.search.space import Choices, Dimension


def draw(
    space: Mapping[str, Dimension],
    seed: int,
    label: str,
    trial: int,
    alike: Collection[str] = (),
) -> dict[str, str]:
    """A value of each dimension, as words have them.

    Neither the order of trials nor the other contestants nor the other dimensions change it. All
    are drawn alike, none is the YAML's own default, so that n of them are n of more. Keys in
    `alike` do not depend on the contestant: trial n of each then has the same, so that it is not
    by luck of these that one is better.
    """
    return {
        key: _value(given, _share(seed, "" if key in alike else label, trial, key))
        for key, given in space.items()
    }


def _value(given: Dimension, share: float) -> str:
    """`share` is uniform on [0, 1). Values that can be listed are equally likely."""
    if isinstance(given, Choices) or given.parts is not None or (given.whole and not given.log):
        values = given.values()
        if values is not None:
            return values[int(share * len(values))]
    assert not isinstance(given, Choices)
    return given.at(share)


def _share(seed: int, label: str, trial: int, key: str) -> float:
    named = json.dumps([seed, label, trial, key]).encode()
    digest = int.from_bytes(hashlib.sha256(named).digest(), "big")
    return float(np.random.Generator(np.random.PCG64(digest)).random())
