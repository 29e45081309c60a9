"""Samples of a few configurations, side by side and through training."""

from __future__ import annotations

import io
import os
import re
import stat
import warnings
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from genrun.report.charts.resample import thinned
from genrun.report.contestants import PageConfiguration, PageWorkload
from genrun.results.record import RunRecord

# MERGED: A run's pictures, read as a stranger's and written anew, small.
NAME = re.compile(r"step-([0-9]{1,12})\.png")
LARGEST = 1 << 23  # bytes of a file
MOST_PIXELS = 1 << 24
LONGEST_SIDE = 1 << 14  # pixels
MOST_FILES = 100_000  # names that are looked at in a folder


@dataclass(frozen=True)
class Size:
    """How small, and how faithful."""

    side: int  # pixels of the longer side
    quality: int  # of WebP, up to 100


def list_pictures(run: Path) -> dict[int, Path]:
    """A run's samples by step. None where the folder is a link or there is none."""
    folder = run / "samples"
    found = {}
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode) or run.is_symlink():
            return {}
        with os.scandir(folder) as entries:
            for _, entry in zip(range(MOST_FILES), entries, strict=False):
                match = NAME.fullmatch(entry.name)
                if match and entry.is_file(follow_symlinks=False):
                    found[int(match[1])] = Path(entry.path)
    except OSError:
        return {}
    return dict(sorted(found.items()))


def read_picture(path: Path) -> Image.Image | None:
    """The picture as grey or RGB; None for a link, and for what is no sound PNG of sane size."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
                return None
            content = file.read(LARGEST)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # among them Pillow's of a decompression bomb
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                width, height = image.size
                if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
                    return None
                return image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
    except Exception:  # whatever a decoder raises at a stranger's bytes, the picture is left out
        return None


def data_uri(image: Image.Image, size: Size) -> str:
    """The picture, made smaller where it is larger, for the page itself."""
    factor = size.side / max(image.size)
    if factor < 1:
        shape = [max(1, round(length * factor)) for length in image.size]
        image = image.resize((shape[0], shape[1]), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=size.quality, method=4)
    return "data:image/webp;base64," + b64encode(buffer.getvalue()).decode()


MOST_CONFIGURATIONS, MOST_STAGES = 6, 6
BUDGET = 1_000_000  # bytes of all pictures of a page
ATTEMPTS = 5  # pictures that are opened to find a sound one
SIZES = (Size(224, 80), Size(224, 60), Size(168, 60), Size(112, 50), Size(80, 40), Size(48, 30))


@dataclass(frozen=True)
class SampleRow:
    """A configuration's pictures: one of a run at each stage, the same one where none is newer."""

    name: str
    style: int | None
    seed: int
    run: str
    steps: list[int | None]  # of the picture at each stage; None: there is none yet
    pictures: list[str]  # data: URIs, empty where there is none


@dataclass(frozen=True)
class SampleGallery:
    """Of one workload."""

    key: str
    stages: list[int]  # steps
    rows: list[SampleRow]
    left_out: int  # configurations that have pictures and are not shown
    size: Size


def select_samples(workload: PageWorkload, budget: int) -> SampleGallery | None:
    """None where no run has a sound picture."""
    found = [
        (configuration, run)
        for configuration in workload.configurations
        if (run := _representative(configuration))
    ]
    chosen = _chosen(found)
    files = [list_pictures(run.folder) for _, run in chosen]
    steps = sorted({step for own in files for step in own})
    stages = thinned(steps, MOST_STAGES)
    for size in SIZES:
        rows = [
            _row(configuration, run, own, stages, size)
            for (configuration, run), own in zip(chosen, files, strict=True)
        ]
        rows = [row for row in rows if any(row.pictures)]
        if sum(len(uri) for row in rows for uri in set(row.pictures)) <= budget:
            break
    else:
        return None
    if not rows:
        return None
    return SampleGallery(f"samples-{workload.key}", stages, rows, len(found) - len(rows), size)


def _representative(configuration: PageConfiguration) -> RunRecord | None:
    """The first seed's run that has pictures; a sound one where there is any."""
    runs = sorted(configuration.runs, key=lambda run: (not run.counts, run.seed))
    return next((run for run in runs if list_pictures(run.folder)), None)


def _chosen(
    found: Sequence[tuple[PageConfiguration, RunRecord]],
) -> list[tuple[PageConfiguration, RunRecord]]:
    """Those by which contestants are judged first, then the best, the worst and between."""
    standing = [one for one in found if one[0].is_representative]
    if len(standing) >= MOST_CONFIGURATIONS:
        return thinned(standing, MOST_CONFIGURATIONS)
    rest = [one for one in found if not one[0].is_representative]
    free = MOST_CONFIGURATIONS - len(standing)
    more = thinned(rest, free) if free > 1 else rest[-1:]
    picked = {id(one[0]) for one in [*standing, *more]}
    return [one for one in found if id(one[0]) in picked]


def _row(
    configuration: PageConfiguration,
    run: RunRecord,
    files: dict[int, Path],
    stages: Sequence[int],
    size: Size,
) -> SampleRow:
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
    return SampleRow(configuration.name, configuration.style, run.seed, run.name, steps, pictures)
