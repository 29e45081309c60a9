"""What a sweep will run: every job's name, identity and resolved configuration, in plan.json."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from genrun.config.compose import Composed
from genrun.config.groups import EARLIER
from genrun.config.overrides import key_of
from genrun.core.errors import CheckpointUnusable, InputMissing
from genrun.runs import layout
from genrun.runs.files import write_json
from genrun.runs.untrusted_json import MapOf, Nullable, check_schema, read_json

# MERGED: A name for each job, made of what differs: `optimizer.lr=0.0003,seed=1`.
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


FORMAT = 1
LARGEST = 1 << 28
FORM = {
    "format": int,
    "words": [str],
    "jobs": [
        {
            "name": str,
            "identity": str,
            "overrides": [str],
            "choices": MapOf(str),
            "config": {"seed": int, "plugins": list},
        }
    ],
}
SEARCH_FORM = {  # of a sweep whose jobs are made as it goes: `sweeps/search/settings.py`
    "sampler": str,
    "trials": int,
    "seeds": [int],
    "seed": int,
    "batch": int,
    "space": MapOf(str),
    "words": [str],
    "config_dir": Nullable(str),
    "made": MapOf([str]),
}


@dataclass(frozen=True)
class Job:
    """One point of a sweep."""

    name: str  # of its folder: what differs between the jobs
    identity: str  # digest of the resolved configuration
    overrides: list[str]
    choices: dict[str, str]
    config: dict[str, Any]

    @property
    def configuration(self) -> str:
        """The digest that repeats with other seeds share."""
        return identity_of({**self.config, "seed": None})


@dataclass(frozen=True)
class SweepPlan:
    """The command line of a sweep, and its jobs in the order in which they begin."""

    words: list[str]
    jobs: list[Job]
    search: dict[str, Any] | None = None  # how the jobs are made, where they are as it goes

    def job(self, name: str) -> Job:
        return next(job for job in self.jobs if job.name == name)

    def write(self, folder: Path) -> None:
        jobs = [asdict(job) for job in self.jobs]
        content = {"format": FORMAT, "words": self.words, "jobs": jobs}
        write_json(
            folder / layout.PLAN, content | ({"search": self.search} if self.search else {})
        )


def make_jobs(points: Sequence[Composed]) -> tuple[list[Job], list[str]]:
    """A job for each point that no other equals, and the names of those that one did."""
    unique: dict[str, Composed] = {}
    repeated = []
    for point in points:
        identity = identity_of(point.config)
        if unique.setdefault(identity, point) is not point:
            repeated.append(identity)
    names = job_names({identity: point.overrides for identity, point in unique.items()})
    jobs = [
        Job(names[identity], identity, point.overrides, point.choices, point.config)
        for identity, point in unique.items()
    ]
    return jobs, [names[identity] for identity in repeated]


def identity_of(config: Mapping[str, Any]) -> str:
    """The digest of what decides a run's result: by whom it is followed is none of it."""
    deciding = {key: value for key, value in config.items() if key != "tracker"}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def is_sweep(folder: Path) -> bool:
    return (folder / layout.PLAN).is_file()


def read_plan(folder: Path) -> SweepPlan:
    """Raises `InputMissing` where there is none and `CheckpointUnusable` where it is damaged."""
    path = folder / layout.PLAN
    if not path.is_file():
        raise InputMissing(f"{folder}: is not a sweep's folder (it has no {layout.PLAN})")
    try:
        content = read_json(path, LARGEST)
        check_schema(content, FORM)
        if (search := content.get("search")) is not None:
            check_schema(search, SEARCH_FORM)
            _check_made(search["made"], {job["name"] for job in content["jobs"]})
        if content["format"] > FORMAT:
            raise ValueError(f"has format {content['format']}; this genrun reads up to {FORMAT}")
        jobs = [Job(**{key: job[key] for key in Job.__annotations__}) for job in content["jobs"]]
        jobs = [replace(job, config={**EARLIER, **job.config}) for job in jobs]
        if any(job.name != Path(job.name).name or job.name in ("", "..") for job in jobs):
            raise ValueError("a job's name is no folder's")
    except (ValueError, OSError) as error:
        raise CheckpointUnusable(f"{path}: cannot be read ({error})") from error
    return SweepPlan(content["words"], jobs, search)


def _check_made(made: Mapping[str, Sequence[str]], names: set[str]) -> None:
    """Whether what a search made are jobs of numbered trials."""
    for number, own in made.items():
        if not (number.isascii() and number.isdigit() and own and names.issuperset(own)):
            raise ValueError(f"trial {number!r} of its search has no jobs in it")
