"""The trials of each contestant, drawn at random, and the jobs of the tuning stage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genrun.config.compose import Composed, compose_each
from genrun.config.overrides import key_of
from genrun.core.errors import ConfigError
from genrun.proof.contestants import ContestantChoice
from genrun.proof.options import FOLDER, ProveOptions
from genrun.proof.search_spaces import parse_dimensions, read_space, shared_keys
from genrun.sweeps.plan import Job, compute_identity
from genrun.sweeps.preflight import join_messages
from genrun.sweeps.search.space import Choices, Dimension

REPLACED_KEYS = ("seed", "hydra.sweep.dir")  # words that a run's own seed or folder replaces
NAME = "outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}-prove"
MODEL = "-${hydra:runtime.choices.model}"


@dataclass(frozen=True)
class SharedSettings:
    """Settings that all contestants have in common."""

    seed: int  # of the proof: of its draws, and of the first tuning run
    test: int  # images
    words: list[str]  # of every run but for what differs


@dataclass(frozen=True)
class EnteredContestant:
    """A contestant with its search space and its trials."""

    contestant: ContestantChoice
    space: dict[str, str]
    trials: list[dict[str, str]]

    def lines(self, shared: SharedSettings) -> list[list[str]]:
        """The overrides of each trial, without its seed."""
        own = [[f"{key}={value}" for key, value in trial.items()] for trial in self.trials]
        return [[*shared.words, self.contestant.word, *words] for words in own]


def enter_contestants(
    options: ProveOptions,
) -> tuple[SharedSettings, list[EnteredContestant], list[Composed]]:
    """Composes every contestant with its defaults, reads its space and draws its trials.

    Raises `ConfigError` with all contestants that are invalid.
    """
    labels = [contestant.label for contestant in options.contestants]
    words = [*options.shared, *options.launcher, *_folder_word(options)]
    lines = [[*words, contestant.word] for contestant in options.contestants]
    plain = compose_checked(labels, lines, options.config_dir)
    _check_distinct(labels, plain)
    first = plain[0].config
    test = first["data"]["held_out"] if options.test is None else options.test
    without_seed = [word for word in options.shared if key_of(word) != "seed"]
    shared = SharedSettings(first["seed"], test, [*without_seed, f"data.test={test}"])
    entries = [
        _entry(options, shared, contestant, composed)
        for contestant, composed in zip(options.contestants, plain, strict=True)
    ]
    return shared, entries, plain


def _folder_word(options: ProveOptions) -> list[str]:
    """The override of the default folder, unless one is given."""
    if any(word.startswith(FOLDER) for word in options.shared):
        return []
    model = "" if options.over == "model" else MODEL
    return [f"{FOLDER}'{NAME}{model}-{options.over}'"]


def _check_distinct(labels: Sequence[str], points: Sequence[Composed]) -> None:
    """Raises `ConfigError` if two contestants have the same configuration."""
    seen: dict[str, str] = {}
    for label, point in zip(labels, points, strict=True):
        other = seen.setdefault(compute_identity(point.config), label)
        if other != label:
            raise ConfigError(f"contestants: {other} and {label} are the same configuration here")


def _entry(
    options: ProveOptions, shared: SharedSettings, contestant: ContestantChoice, plain: Composed
) -> EnteredContestant:
    label = contestant.label
    given, folder = options.spaces[label], options.config_dir
    space = read_space(contestant, plain, given, options.shared, folder)
    dimensions = parse_dimensions(contestant, space)
    same_for_all = shared_keys(contestant, plain, given, folder)
    one_point = all(dimension.values() == [dimension.text] for dimension in dimensions.values())
    numbers = range(1 if one_point else options.trials)
    trials = [
        draw_trial(dimensions, shared.seed, label, number, same_for_all) for number in numbers
    ]
    return EnteredContestant(contestant, space, trials)


def draw_trial(
    space: Mapping[str, Dimension],
    seed: int,
    label: str,
    trial: int,
    shared: Collection[str] = (),
) -> dict[str, str]:
    """Draws a value of each dimension, as text.

    A value is a function of the seed, the contestant's label, the trial's number and the key. All
    trials are random, none has the defaults, so that a longer proof begins with the same trials.
    Keys in `shared` do not depend on the contestant: trial n of each has the same values, so that
    none is better by luck of these.
    """
    return {
        key: _value(given, _share(seed, "" if key in shared else label, trial, key))
        for key, given in space.items()
    }


def _value(given: Dimension, share: float) -> str:
    """Returns the value at `share` in [0, 1); values that can be listed are equally likely."""
    if isinstance(given, Choices) or given.count is not None or (given.integer and not given.log):
        values = given.values()
        if values is not None:
            return values[int(share * len(values))]
    assert not isinstance(given, Choices)
    return given.value_at(share)


def _share(seed: int, label: str, trial: int, key: str) -> float:
    named = json.dumps([seed, label, trial, key]).encode()
    digest = int.from_bytes(hashlib.sha256(named).digest(), "big")
    return float(np.random.Generator(np.random.PCG64(digest)).random())


def compose_trials(
    entries: Sequence[EnteredContestant],
    shared: SharedSettings,
    extra: Mapping[str, Sequence[Sequence[str]]],
    config_dir: str | None,
) -> dict[str, list[Composed]]:
    """Composes every trial with the proof's seed; returns them by label.

    `extra` has the overrides of each trial's budget by label. Raises `ConfigError` if one is
    invalid.
    """
    lines, labels = [], []
    for entry in entries:
        label = entry.contestant.label
        for words, own in zip(entry.lines(shared), extra[label], strict=True):
            lines.append([*_without(words, own), *own, f"seed={shared.seed}"])
            labels.append(label)
    composed = compose_checked(labels, lines, config_dir)
    points: dict[str, list[Composed]] = {entry.contestant.label: [] for entry in entries}
    for label, point in zip(labels, composed, strict=True):
        points[label].append(point)
    return points


def _without(words: Sequence[str], own: Sequence[str]) -> list[str]:
    keys = {key_of(word) for word in own}
    return [word for word in words if key_of(word) not in keys]


def compose_checked(
    labels: Sequence[str], lines: Sequence[Sequence[str]], config_dir: str | None
) -> list[Composed]:
    """Composes every line. Raises `ConfigError` with all invalid ones and their labels."""
    points = compose_each(lines, config_dir)
    wrong = [
        f"{label}: {point}"
        for label, point in zip(labels, points, strict=True)
        if isinstance(point, ConfigError)
    ]
    if wrong:
        raise ConfigError(join_messages(list(dict.fromkeys(wrong))))
    return [point for point in points if isinstance(point, Composed)]


def tuning_jobs(
    points: Mapping[str, Sequence[Composed]], seeds: Sequence[int]
) -> tuple[list[Job], dict[str, list[list[str]]]]:
    """Returns the jobs, alternating between contestants, and the names of each trial's by label.

    A trial that was drawn twice has one set of jobs. Alternating, a paused proof has as many runs
    of each, and a contestant that always fails does not stop the sweep.
    """
    jobs: dict[str, Job] = {}
    names: dict[str, list[list[str]]] = {label: [] for label in points}
    for number in range(max(len(own) for own in points.values())):
        for label, own in points.items():
            if number >= len(own):
                continue
            made = [
                job_with_seed(own[number], seed, f"{label}-{number:03d}", len(seeds) > 1)
                for seed in seeds
            ]
            names[label].append([jobs.setdefault(job.identity, job).name for job in made])
    return list(jobs.values()), names


def job_with_seed(point: Composed | Job, seed: int, name: str, named: bool) -> Job:
    """Returns a job of a configuration with another seed."""
    config = {**point.config, "seed": seed}
    overrides = [word for word in point.overrides if key_of(word) not in REPLACED_KEYS]
    return Job(
        name=f"{name}-seed-{seed}" if named else name,
        identity=compute_identity(config),
        overrides=[*overrides, f"seed={seed}"],
        choices=dict(point.choices),
        config=config,
    )
