"""Times genrun's training step against a bare loop of the same workload, in interleaved pairs.

    python scripts/bench.py [jobs=autoencoder,vae,gan,conv_gan,diffusion,…] [chunks=21] [rounds=3]
                            [pairs=3] [device=cpu]

genrun trains as in a user's run: live display, log, timings, checkpoints, checks for finite
values; neither side evaluates. After every chunk of steps (50; 10 or 4 if a step is slow) the bare
loop does as many steps on the same images with the same networks, optimizer and batch size, on one
CPU thread. Each round builds both anew, because the memory layout of their tensors changes times
by one or two percent. If the extra `bench` is installed, Lightning and pythae are timed against
the bare loop in `pairs` pairs of six chunks.

Prints the median of the pairs' ratios, their interquartile range, and the ratio of the total
times, which includes the few pairs with a checkpoint.
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
from other_libraries import BareLoop, StepTimer, lightning_timer, pythae_timer
from rich.console import Console
from rich.table import Table
from torch import Tensor

from genrun.components.data._dataset import Batches
from genrun.config.compose import compose
from genrun.experiment.experiment import Experiment
from genrun.terminal.live import LiveDisplay

LIBRARY_CHUNKS = 6  # in a pair of the bare loop and another library


@dataclass(frozen=True)
class Benchmark:
    """A workload: genrun's command-line words, and the bare loop that trains the same."""

    words: Sequence[str]
    bare: BareLoop
    chunk: int = 50  # steps in a pair of the bare loop and genrun


DIFFUSION = ["model=diffusion", "backbone=unet", "metric=[]", "data.held_out=200"]
BENCHMARKS = {
    "autoencoder": Benchmark(["model=autoencoder"], BareAutoencoder),
    "vae": Benchmark(["model=vae", "backbone.hidden=[512]"], BareVAE),
    "gan": Benchmark(["model=gan"], BareGAN),
    "conv_gan": Benchmark(
        ["model=gan", "backbone=conv"], lambda images: BareConvGAN(images, False), 10
    ),
    "conv_gan_bf16": Benchmark(
        ["model=gan", "backbone=conv", "runtime.precision=bf16"],
        lambda images: BareConvGAN(images, True),
        10,
    ),
    "diffusion": Benchmark(DIFFUSION, lambda images: BareDiffusion(images, False), 4),
    "diffusion_bf16": Benchmark(
        [*DIFFUSION, "runtime.precision=bf16"], lambda images: BareDiffusion(images, True), 4
    ),
}


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def bare_timer(job: str, images: Tensor) -> StepTimer:
    """Returns a function that trains a bare loop for some steps and returns the seconds."""
    model = BENCHMARKS[job].bare(Images(images))

    def time_steps(steps: int) -> float:
        synchronize(images.device)
        started = time.perf_counter()
        for _ in range(steps):
            model.step()
        synchronize(images.device)
        return time.perf_counter() - started

    return time_steps


def time_genrun(
    job: str, images: Tensor, device: str, chunks: int, folder: Path
) -> tuple[list[float], list[float]]:
    """Returns the seconds of the bare loop and of genrun for each chunk of steps.

    After every chunk of genrun, when its loop checks for a request to stop, the bare loop does as
    many steps: a noisy machine disturbs both sides of pairs of a second or less equally.
    """
    chunk = BENCHMARKS[job].chunk
    words = [
        "data=fashion_mnist", "regularization=[]", *BENCHMARKS[job].words,
        f"steps={chunks * chunk}", f"runtime.device={device}", "runtime.threads=1",
        "evaluate_every=1000000", "sample_every=1000000",
    ]  # fmt: skip
    composed = compose(words)
    experiment = Experiment.prepare(composed.config, composed.choices, words)
    time_bare = bare_timer(job, images)
    bare_seconds: list[float] = []
    genrun_seconds: list[float] = []
    chunk_started = 0.0

    def time_chunk() -> bool:
        nonlocal chunk_started
        step = experiment.built.trial.step
        if step % chunk == 0:
            synchronize(images.device)
            if chunk_started:
                genrun_seconds.append(time.perf_counter() - chunk_started)
            display._live.stop()  # its thread would slow the bare loop down
            bare_seconds.append(time_bare(chunk))
            display._live.start()
            chunk_started = time.perf_counter()
        return False

    folder.mkdir()
    with Path(os.devnull).open("w") as nowhere:
        display = LiveDisplay(Console(file=nowhere, force_terminal=True, width=100))
        experiment.train(folder, display, time_chunk)
    return bare_seconds[: len(genrun_seconds)], genrun_seconds


@contextmanager
def quiet() -> Iterator[None]:
    """Discards what libraries print and log."""
    logging.disable(logging.CRITICAL)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
    logging.disable(logging.NOTSET)


def table_row(job: str, name: str, bare: list[float], other: list[float], steps: int) -> list[str]:
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
    chunk = BENCHMARKS[job].chunk
    with quiet():
        time_genrun(job, images, device, 3, folder / f"{job}-warm")
        bare_seconds: list[float] = []
        genrun_seconds: list[float] = []
        for number in range(rounds):
            bare, genrun = time_genrun(job, images, device, chunks, folder / f"{job}-{number}")
            bare_seconds += bare
            genrun_seconds += genrun
        rows = [
            table_row(job, "bare loop", bare_seconds, bare_seconds, chunk),
            table_row(job, "genrun", bare_seconds, genrun_seconds, chunk),
        ]
        time_bare, steps = bare_timer(job, images), LIBRARY_CHUNKS * chunk
        libraries = {
            "Lightning": lightning_timer(BENCHMARKS[job].bare, images, folder),
            "pythae": pythae_timer(job, images, folder),
        }
        for name, time_library in libraries.items():
            if time_library is None or pairs == 0:
                continue
            time_library(chunk)
            timed = [(time_bare(steps), time_library(steps)) for _ in range(pairs)]
            rows.append(table_row(job, name, [a for a, _ in timed], [b for _, b in timed], steps))
    return rows


def main() -> None:
    options = dict(word.split("=", 1) for word in sys.argv[1:])
    chunks, rounds, pairs = (
        int(options.get(name, default))
        for name, default in (("chunks", 21), ("rounds", 3), ("pairs", 3))
    )
    jobs = options.get("jobs", ",".join(BENCHMARKS)).split(",")
    device = torch.device(options.get("device", "cpu"))
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as genrun does; the bare loop is far slower without it
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
