"""A name for each job, made of what differs: `optimizer.lr=0.0003,seed=1`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from genrun.config.overrides import key_of

LONGEST = 100  # characters; file systems allow 255 bytes, and a path has more than one part
UNSAFE = re.compile(r"[^A-Za-z0-9._=,+@-]+")


def job_names(overrides: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Folder names by identity. Values are data: what could be read as a path is replaced."""
    names = {identity: _name(differing) for identity, differing in differing_words(overrides)}
    counts = Counter(name.lower() for name in names.values())  # some disks know no upper case
    return {
        identity: name if counts[name.lower()] == 1 else f"{name[:LONGEST]}-{identity[:8]}"
        for identity, name in names.items()
    }


def differing_words(
    overrides: Mapping[str, Sequence[str]],
) -> list[tuple[str, dict[str, str]]]:
    """By identity, the keys whose values are not the same in all jobs, with their values."""
    by_key = {
        identity: {key_of(word): word.partition("=")[2] for word in words}
        for identity, words in overrides.items()
    }
    keys = dict.fromkeys(key for words in by_key.values() for key in words)
    differ = [key for key in keys if len({words.get(key) for words in by_key.values()}) > 1]
    return [
        (identity, {key: words[key] for key in differ if key in words})
        for identity, words in by_key.items()
    ]


def _name(words: Mapping[str, str]) -> str:
    text = ",".join(f"{key}={value}" for key, value in words.items())
    return UNSAFE.sub("_", text)[:LONGEST].strip("._ ") or "job"
