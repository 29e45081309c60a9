"""Samples of a few configurations, next to each other and at several stages of training.

A run's pictures are untrusted files: each is decoded under limits and encoded anew, smaller.
"""

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

from genrun.report.charts.resample import thin_out
from genrun.report.contestants import PageConfiguration, PageWorkload
from genrun.results.record import RunRecord

PAGE_BYTES = 1_000_000  # of all pictures of a page
MOST_CONFIGURATIONS, MOST_STAGES = 6, 6
MOST_ATTEMPTS = 5  # pictures that are opened to find a sound one
NAME = re.compile(r"step-([0-9]{1,12})\.png")
LARGEST = 1 << 23  # bytes of a file
MOST_PIXELS = 1 << 24
LONGEST_SIDE = 1 << 14  # pixels
MOST_FILES = 100_000  # names that are read of a folder


@dataclass(frozen=True)
class PictureSize:
    """Size and quality of the pictures on a page."""

    side: int  # pixels of the longer side
    quality: int  # of WebP, up to 100


SIZES = tuple(
    PictureSize(side, quality)
    for side, quality in ((224, 80), (224, 60), (168, 60), (112, 50), (80, 40), (48, 30))
)


@dataclass(frozen=True)
class SamplePicture:
    """A picture, from the stage on at which it is the newest."""

    stage: int  # index of the gallery's stages
    step: int
    uri: str  # data: URI


@dataclass(frozen=True)
class SampleRow:
    """A run's pictures through training."""

    name: str
    style: int | None
    seed: int
    pictures: list[SamplePicture]


@dataclass(frozen=True)
class SampleGallery:
    """The samples of one workload."""

    key: str
    title: str
    stages: list[int]  # steps
    rows: list[SampleRow]
    note: str


def select_samples(workload: PageWorkload, most_bytes: int) -> SampleGallery | None:
    """Chooses configurations, stages and a size; None if no run has a readable picture.

    The size is the largest at which all pictures together have at most `most_bytes`.
    """
    candidates = [(one, run) for one in workload.configurations if (run := _choose_run(one))]
    chosen = _choose_configurations(candidates)
    files = [list_pictures(run.folder) for _, run in chosen]
    stages = thin_out(sorted({step for own in files for step in own}), MOST_STAGES)
    for size in SIZES:
        rows = [
            SampleRow(one.name, one.style, run.seed, _encode_stages(own, stages, size))
            for (one, run), own in zip(chosen, files, strict=True)
        ]
        rows = [row for row in rows if row.pictures]
        if sum(len(picture.uri) for row in rows for picture in row.pictures) <= most_bytes:
            break
    else:
        return None
    if not rows:
        return None
    note = "The first seed's run of each configuration; at each stage its newest picture."
    if omitted := len(candidates) - len(rows):
        note += f" {omitted} other configurations are left out: those by which contestants are "
        note += "judged come first, then some from the best to the worst."
    return SampleGallery(f"samples-{workload.key}", workload.label, stages, rows, note)


def list_pictures(run: Path) -> dict[int, Path]:
    """Returns a run's sample pictures by step, none if a folder is a link or missing."""
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
    """Returns a PNG as grey or RGB; None for a link, and unless it is sound and of sane size."""
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
    except Exception:  # whatever a decoder raises at untrusted bytes, the picture is left out
        return None


def data_uri(image: Image.Image, size: PictureSize) -> str:
    """Returns the picture as WebP in a data: URI, scaled down if it is larger than `size`."""
    factor = size.side / max(image.size)
    if factor < 1:
        shape = [max(1, round(length * factor)) for length in image.size]
        image = image.resize((shape[0], shape[1]), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=size.quality, method=4)
    return "data:image/webp;base64," + b64encode(buffer.getvalue()).decode()


def _choose_run(configuration: PageConfiguration) -> RunRecord | None:
    """The first seed's run that has pictures, a successful one if possible."""
    runs = sorted(configuration.runs, key=lambda run: (not run.counts, run.seed))
    return next((run for run in runs if list_pictures(run.folder)), None)


def _choose_configurations(
    candidates: Sequence[tuple[PageConfiguration, RunRecord]],
) -> list[tuple[PageConfiguration, RunRecord]]:
    """Those by which contestants are judged, then some from the best to the worst."""
    judged = [pair for pair in candidates if pair[0].is_representative]
    if len(judged) >= MOST_CONFIGURATIONS:
        return thin_out(judged, MOST_CONFIGURATIONS)
    rest = [pair for pair in candidates if not pair[0].is_representative]
    free = MOST_CONFIGURATIONS - len(judged)
    more = thin_out(rest, free) if free > 1 else rest[-1:]
    chosen = {id(configuration) for configuration, _ in [*judged, *more]}
    return [pair for pair in candidates if id(pair[0]) in chosen]


def _encode_stages(
    files: dict[int, Path], stages: Sequence[int], size: PictureSize
) -> list[SamplePicture]:
    """The newest sound picture at each stage, each picture once."""
    uris: dict[int, str] = {}  # empty: not sound

    def newest(stage: int) -> int | None:
        steps = sorted((step for step in files if step <= stage), reverse=True)
        for step in steps[:MOST_ATTEMPTS]:
            if step not in uris:
                image = read_picture(files[step])
                uris[step] = "" if image is None else data_uri(image, size)
            if uris[step]:
                return step
        return None

    pictures: list[SamplePicture] = []
    for index, stage in enumerate(stages):
        step = newest(stage)
        if step is not None and (not pictures or pictures[-1].step != step):
            pictures.append(SamplePicture(index, step, uris[step]))
    return pictures
