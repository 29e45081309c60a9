"""How long genrun's step takes beside a bare loop of the same job, in interleaved pairs.

    python scripts/bench.py [jobs=autoencoder,vae,gan,conv_gan,diffusion,…] [chunks=21] [rounds=3]
                            [pairs=3] [device=cpu]

genrun runs as a user's run does: live display, log, timings, checkpoints, finite checks;
evaluation is left out on both sides. After every chunk of its steps (50; 10 or 4 where a step is
slow) the bare loop does as many of its own, on the same images with the same networks, optimizer
and batch size, on one CPU thread. Each round builds both anew, since where in memory their tensors
happen to lie makes a percent or two. Where the extra `bench` is installed, Lightning and pythae
are timed against the bare loop in `pairs` pairs of six chunks.
Printed are the median of the pairs' ratios, the range of their middle half, and the ratio of all
the time together, which holds the few pairs with a checkpoint in them.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import torch
from bare_loops import (
    BATCH,
    BareAutoencoder,
    BareConvGAN,
    BareDiffusion,
    BareGAN,
    BareVAE,
    Images,
)
from other_libraries import Bare, Seconds, lightning, pythae
from rich.console import Console
from rich.table import Table
from torch import Tensor

from genrun.components.data._dataset import Batches
from genrun.config.compose import compose
from genrun.experiment.experiment import Experiment
from genrun.terminal.live import LiveDisplay

OTHERS = 6  # chunks in a pair of the bare loop and another library


@dataclass(frozen=True)
class Job:
    """What is trained: the words for genrun, and the same by hand."""

    words: Sequence[str]
    bare: Bare
    chunk: int = 50  # steps of a pair of the bare loop and genrun


DIFFUSION = ["model=diffusion", "backbone=unet", "metric=[]", "data.held_out=200"]
JOBS = {
    "autoencoder": Job(["model=autoencoder"], BareAutoencoder),
    "vae": Job(["model=vae", "backbone.hidden=[512]"], BareVAE),
    "gan": Job(["model=gan"], BareGAN),
    "conv_gan": Job(["model=gan", "backbone=conv"], lambda images: BareConvGAN(images, False), 10),
    "conv_gan_bf16": Job(
        ["model=gan", "backbone=conv", "runtime.precision=bf16"],
        lambda images: BareConvGAN(images, True),
        10,
    ),
    "diffusion": Job(DIFFUSION, lambda images: BareDiffusion(images, False), 4),
    "diffusion_bf16": Job(
        [*DIFFUSION, "runtime.precision=bf16"], lambda images: BareDiffusion(images, True), 4
    ),
}


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def bare(job: str, images: Tensor) -> Seconds:
    model = JOBS[job].bare(Images(images))

    def seconds(steps: int) -> float:
        synchronize(images.device)
        begun = time.perf_counter()
        for _ in range(steps):
            model.step()
        synchronize(images.device)
        return time.perf_counter() - begun

    return seconds


def against_genrun(
    job: str, images: Tensor, device: str, chunks: int, folder: Path
) -> tuple[list[float], list[float]]:
    """Seconds of the bare loop and of genrun for each chunk of steps, one after the other.

    genrun trains as in use. After every chunk, where its loop asks whether to stop, the bare loop
    does as many steps: pairs of a second or less, which a noisy machine disturbs alike.
    """
    chunk = JOBS[job].chunk
    words = [
        "data=fashion_mnist", "regularization=[]", *JOBS[job].words,
        f"steps={chunks * chunk}", f"runtime.device={device}", "runtime.threads=1",
        "evaluate_every=1000000", "sample_every=1000000",
    ]  # fmt: skip
    composed = compose(words)
    experiment = Experiment.prepare(composed.config, composed.choices, words)
    other = bare(job, images)
    others: list[float] = []
    ours: list[float] = []
    since = 0.0

    def between() -> bool:
        nonlocal since
        step = experiment.built.trial.step
        if step % chunk == 0:
            synchronize(images.device)
            if since:
                ours.append(time.perf_counter() - since)
            display._live.stop()  # it must not take the bare loop's time
            others.append(other(chunk))
            display._live.start()
            since = time.perf_counter()
        return False

    folder.mkdir()
    with Path(os.devnull).open("w") as nowhere:
        display = LiveDisplay(Console(file=nowhere, force_terminal=True, width=100))
        experiment.train(folder, display, between)
    return others[: len(ours)], ours


@contextmanager
def quiet() -> Iterator[None]:
    """What the others print is written, as in use, but nowhere."""
    logging.disable(logging.CRITICAL)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
    logging.disable(logging.NOTSET)


def row(job: str, name: str, bare: list[float], other: list[float], steps: int) -> list[str]:
    ratios = sorted(b / a for a, b in zip(bare, other, strict=True))
    quarter = len(ratios) // 4
    return [
        job, name, str(len(ratios)), f"{1e3 * statistics.median(other) / steps:.3f}",
        f"{statistics.median(ratios):.3f}", f"{ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f}",
        f"{sum(other) / sum(bare):.3f}",
    ]  # fmt: skip


def measure(
    job: str, images: Tensor, device: str, rounds: int, chunks: int, pairs: int, folder: Path
) -> list[list[str]]:
    chunk = JOBS[job].chunk
    with quiet():
        against_genrun(job, images, device, 3, folder / f"{job}-warm")
        theirs: list[float] = []
        ours: list[float] = []
        for number in range(rounds):
            pairs_of_round = against_genrun(
                job, images, device, chunks, folder / f"{job}-{number}"
            )
            theirs += pairs_of_round[0]
            ours += pairs_of_round[1]
        rows = [
            row(job, "bare loop", theirs, theirs, chunk),
            row(job, "genrun", theirs, ours, chunk),
        ]
        reference, steps = bare(job, images), OTHERS * chunk
        others = {
            "Lightning": lightning(JOBS[job].bare, images, folder),
            "pythae": pythae(job, images, folder),
        }
        for name, one in others.items():
            if one is None or pairs == 0:
                continue
            one(chunk)
            both = [(reference(steps), one(steps)) for _ in range(pairs)]
            rows.append(row(job, name, [a for a, _ in both], [b for _, b in both], steps))
    return rows


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    chunks, rounds, pairs = (
        int(given.get(name, default))
        for name, default in (("chunks", 21), ("rounds", 3), ("pairs", 3))
    )
    jobs = given.get("jobs", ",".join(JOBS)).split(",")
    device = torch.device(given.get("device", "cpu"))
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as genrun does: without it the bare loop is far slower
    composed = compose(["data=fashion_mnist"])
    from genrun.experiment.build import build_data

    data: Batches = build_data(composed.config, device, [])
    table = Table(title=f"batch {BATCH}, {device}, one thread")
    headings = (
        "job", "what", "pairs", "ms a step", "median ratio to bare", "middle half",
        "all steps together",
    )  # fmt: skip
    for column in headings:
        table.add_column(column, justify="left" if column in ("job", "what") else "right")
    with tempfile.TemporaryDirectory() as temporary:
        for job in jobs:
            rows = measure(job, data._train, str(device), rounds, chunks, pairs, Path(temporary))
            for cells in rows:
                table.add_row(*cells)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
