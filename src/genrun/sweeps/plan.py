"""What a sweep runs: every job's name, identity and resolved configuration, in plan.json."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genrun.config.compose import Composed
from genrun.config.overrides import key_of
from genrun.core.errors import CheckpointUnusable, InputMissing
from genrun.runs import layout
from genrun.runs.files import write_json
from genrun.runs.untrusted_json import MapOf, Nullable, check_schema, read_json

FORMAT = 1
MAX_BYTES = 1 << 28  # of plan.json
MAX_NAME_LENGTH = 100  # characters; file systems allow 255 bytes, and a path has several parts
UNSAFE_CHARACTERS = re.compile(r"[^A-Za-z0-9._=,+@-]+")
PLAN_SCHEMA = {
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
SEARCH_SCHEMA = {  # `sweeps/search/settings.py: SearchSettings`
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

    name: str  # of its folder: the overrides in which the jobs differ
    identity: str  # digest of the resolved configuration
    overrides: list[str]
    choices: dict[str, str]
    config: dict[str, Any]

    @property
    def configuration(self) -> str:
        """The digest of the configuration without its seed; jobs that differ in it share it."""
        return compute_identity({**self.config, "seed": None})


@dataclass(frozen=True)
class SweepPlan:
    """The command line of a sweep, and its jobs in the order in which they start."""

    words: list[str]
    jobs: list[Job]
    search: dict[str, Any] | None = None  # settings of a search, whose jobs are added as it runs

    def get_job(self, name: str) -> Job:
        """Returns the job of a name that is in the plan."""
        return next(job for job in self.jobs if job.name == name)

    def write(self, folder: Path) -> None:
        """Writes plan.json to the sweep's folder."""
        jobs = [asdict(job) for job in self.jobs]
        content = {"format": FORMAT, "words": self.words, "jobs": jobs}
        search = {"search": self.search} if self.search else {}
        write_json(folder / layout.PLAN, content | search)


def make_jobs(points: Sequence[Composed]) -> tuple[list[Job], list[str]]:
    """Makes a job of each distinct point; returns them, and the names of the repeated ones."""
    unique: dict[str, Composed] = {}
    repeated = []
    for point in points:
        identity = compute_identity(point.config)
        if unique.setdefault(identity, point) is not point:
            repeated.append(identity)
    names = make_job_names({identity: point.overrides for identity, point in unique.items()})
    jobs = [
        Job(names[identity], identity, point.overrides, point.choices, point.config)
        for identity, point in unique.items()
    ]
    return jobs, [names[identity] for identity in repeated]


def compute_identity(config: Mapping[str, Any]) -> str:
    """Returns the digest of what decides a run's result, which its trackers do not."""
    deciding = {key: value for key, value in config.items() if key != "tracker"}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def make_job_names(overrides: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Returns folder names by identity, such as `optimizer.lr=0.0003,seed=1`.

    A name lists the overrides in which the jobs differ. Characters that could form a path are
    replaced, since values are data.
    """
    names = {
        identity: _format_name(values) for identity, values in find_differing_overrides(overrides)
    }
    counts = Counter(name.lower() for name in names.values())  # some file systems ignore case
    return {
        identity: name if counts[name.lower()] == 1 else f"{name[:MAX_NAME_LENGTH]}-{identity[:8]}"
        for identity, name in names.items()
    }


def find_differing_overrides(
    overrides: Mapping[str, Sequence[str]],
) -> list[tuple[str, dict[str, str]]]:
    """Returns each identity with its values of the keys that differ between the jobs."""
    by_key = {
        identity: {key_of(word): word.partition("=")[2] for word in words}
        for identity, words in overrides.items()
    }
    keys = dict.fromkeys(key for values in by_key.values() for key in values)
    differ = [key for key in keys if len({values.get(key) for values in by_key.values()}) > 1]
    return [
        (identity, {key: values[key] for key in differ if key in values})
        for identity, values in by_key.items()
    ]


def _format_name(values: Mapping[str, str]) -> str:
    text = ",".join(f"{key}={value}" for key, value in values.items())
    return UNSAFE_CHARACTERS.sub("_", text)[:MAX_NAME_LENGTH].strip("._ ") or "job"


def is_sweep(folder: Path) -> bool:
    """Whether the folder holds a sweep or a search."""
    return (folder / layout.PLAN).is_file()


def read_plan(folder: Path) -> SweepPlan:
    """Reads plan.json. Raises `InputMissing` if there is none, `CheckpointUnusable` if damaged."""
    path = folder / layout.PLAN
    if not path.is_file():
        raise InputMissing(f"{folder}: is not a sweep's folder (it has no {layout.PLAN})")
    try:
        content = read_json(path, MAX_BYTES)
        check_schema(content, PLAN_SCHEMA)
        if (search := content.get("search")) is not None:
            check_schema(search, SEARCH_SCHEMA)
            _check_trials(search["made"], {job["name"] for job in content["jobs"]})
        if content["format"] > FORMAT:
            raise ValueError(f"has format {content['format']}; this genrun reads up to {FORMAT}")
        jobs = [Job(**{key: job[key] for key in Job.__annotations__}) for job in content["jobs"]]
        if any(job.name != Path(job.name).name or job.name in ("", "..") for job in jobs):
            raise ValueError("the name of a job is not the name of a folder")
    except (ValueError, OSError) as error:
        raise CheckpointUnusable(f"{path}: cannot be read ({error})") from error
    return SweepPlan(content["words"], jobs, search)


def _check_trials(trials: Mapping[str, Sequence[str]], names: set[str]) -> None:
    """Raises `ValueError` if the trials of a search have no numbers, or jobs not in the plan."""
    for number, own in trials.items():
        if not (number.isascii() and number.isdigit() and own and names.issuperset(own)):
            raise ValueError(f"trial {number!r} of the search has no jobs in the plan")
