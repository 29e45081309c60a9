"""Samples of a few configurations, side by side and through training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genrun.report.charts.resample import thinned
from genrun.report.contestants import Member, Scene
from genrun.report.sections.samples__report_pictures import (
    Size,
    data_uri,
    pictures_of,
    read_picture,
)
from genrun.results.record import RunRecord

MOST_CONFIGURATIONS, MOST_STAGES = 6, 6
BUDGET = 1_000_000  # bytes of all pictures of a page
ATTEMPTS = 5  # pictures that are opened to find a sound one
SIZES = (Size(224, 80), Size(224, 60), Size(168, 60), Size(112, 50), Size(80, 40), Size(48, 30))


@dataclass(frozen=True)
class Row:
    """A configuration's pictures: one of a run at each stage, the same one where none is newer."""

    name: str
    style: int | None
    seed: int
    run: str
    steps: list[int | None]  # of the picture at each stage; None: there is none yet
    pictures: list[str]  # data: URIs, empty where there is none


@dataclass(frozen=True)
class Samples:
    """Of one workload."""

    key: str
    stages: list[int]  # steps
    rows: list[Row]
    left_out: int  # configurations that have pictures and are not shown
    size: Size


def samples_of(scene: Scene, budget: int) -> Samples | None:
    """None where no run has a sound picture."""
    found = [(member, run) for member in scene.members if (run := _representative(member))]
    chosen = _chosen(found)
    files = [pictures_of(run.folder) for _, run in chosen]
    steps = sorted({step for own in files for step in own})
    stages = thinned(steps, MOST_STAGES)
    for size in SIZES:
        rows = [
            _row(member, run, own, stages, size)
            for (member, run), own in zip(chosen, files, strict=True)
        ]
        rows = [row for row in rows if any(row.pictures)]
        if sum(len(uri) for row in rows for uri in set(row.pictures)) <= budget:
            break
    else:
        return None
    if not rows:
        return None
    return Samples(f"samples-{scene.key}", stages, rows, len(found) - len(rows), size)


def _representative(member: Member) -> RunRecord | None:
    """The first seed's run that has pictures; a sound one where there is any."""
    runs = sorted(member.configuration.runs, key=lambda run: (not run.counts, run.seed))
    return next((run for run in runs if pictures_of(run.folder)), None)


def _chosen(found: Sequence[tuple[Member, RunRecord]]) -> list[tuple[Member, RunRecord]]:
    """Those by which contestants are judged first, then the best, the worst and between."""
    standing = [one for one in found if one[0].stands]
    if len(standing) >= MOST_CONFIGURATIONS:
        return thinned(standing, MOST_CONFIGURATIONS)
    rest = [one for one in found if not one[0].stands]
    free = MOST_CONFIGURATIONS - len(standing)
    more = thinned(rest, free) if free > 1 else rest[-1:]
    picked = {id(one[0]) for one in [*standing, *more]}
    return [one for one in found if id(one[0]) in picked]


def _row(
    member: Member, run: RunRecord, files: dict[int, Path], stages: Sequence[int], size: Size
) -> Row:
    uris: dict[int, str] = {}

    def newest(stage: int) -> int | None:
        """The step of the last sound picture until then."""
        for step in sorted((step for step in files if step <= stage), reverse=True)[:ATTEMPTS]:
            if step not in uris:
                image = read_picture(files[step])
                uris[step] = "" if image is None else data_uri(image, size)
            if uris[step]:
                return step
        return None

    steps = [newest(stage) for stage in stages]
    pictures = ["" if step is None else uris[step] for step in steps]
    return Row(member.name, member.style, run.seed, run.name, steps, pictures)
