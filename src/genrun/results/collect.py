"""Reads all runs below folders: runs, sweeps, proofs, or folders of these."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from genrun.core.errors import CheckpointUnusable, InputMissing
from genrun.results.record import RunRecord, read_record
from genrun.results.settings import read_settings
from genrun.runs import layout
from genrun.sweeps.plan import Job, is_sweep, read_plan

MANY = 200  # runs from which on several processes read them


@dataclass(frozen=True)
class Found:
    """The runs in the order of the paths, and why others could not be read, by folder."""

    records: list[RunRecord]
    damaged: dict[str, str]


@dataclass(frozen=True)
class _Place:
    """A run's folder, and its job if it belongs to a sweep."""

    folder: Path
    name: str
    job: Job | None
    sweep: Path | None
    stage: str


def collect(paths: Sequence[str | Path]) -> Found:
    """Reads every run below the paths, each once.

    Damaged runs are returned with their reason. Raises `InputMissing` if a path is no folder, or
    if there is no run at all.
    """
    places: dict[Path, _Place] = {}
    damaged: dict[str, str] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            raise InputMissing(f"{path}: there is no such folder")
        for place in _places(path, path, damaged):
            places.setdefault(place.folder.absolute(), place)
    if not places and not damaged:
        raise InputMissing(f"{', '.join(map(str, paths))}: no run is there")
    records = []
    for place, read in zip(places.values(), _read_all(list(places.values())), strict=True):
        if isinstance(read, str):
            damaged[place.name] = read
        else:
            records.append(read)
    return Found(records, damaged)


def _places(path: Path, root: Path, damaged: dict[str, str]) -> Iterator[_Place]:
    """The runs at or below a path, by name; links are not followed."""
    if is_sweep(path):
        yield from _sweep_places(path, root, damaged)
    elif (path / layout.RUN).is_file():
        yield _Place(path, _name(path, root), None, None, "")
    else:
        try:
            inner = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError as error:
            damaged[_name(path, root)] = f"{path}: cannot be read ({error.strerror})"
            return
        for entry in inner:
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                yield from _places(Path(entry.path), root, damaged)


def _sweep_places(path: Path, root: Path, damaged: dict[str, str]) -> Iterator[_Place]:
    try:
        plan = read_plan(path)
    except CheckpointUnusable as error:
        damaged[_name(path, root)] = str(error)
        return
    of_proof = path.name in layout.STAGES and (path.parent / layout.PROOF).is_file()
    for job in plan.jobs:
        folder = path / job.name
        name, stage = _name(folder, root), path.name if of_proof else ""
        yield _Place(folder, name, job, path, stage)


def _name(path: Path, root: Path) -> str:
    return str(path if path == root else path.relative_to(root))


def _read_all(places: Sequence[_Place]) -> list[RunRecord | str]:
    if len(places) < MANY:
        return [_read(place) for place in places]
    each = max(1, len(places) // 64)
    with ProcessPoolExecutor(os.cpu_count(), get_context("forkserver")) as pool:
        return list(pool.map(_read, places, chunksize=each))


def _read(place: _Place) -> RunRecord | str:
    """Returns the run, or why it cannot be read."""
    try:
        folder, job = place.folder, place.job
        config = read_settings(folder / layout.CONFIG) if job is None else job.config
        choices = None if job is None else job.choices
        record = read_record(folder, place.name, config, choices, job, place.sweep, place.stage)
        return record.load()
    except CheckpointUnusable as error:
        return str(error)
