"""How long genrun's step takes beside a bare loop of the same job, in interleaved pairs.

    python scripts/bench.py [jobs=autoencoder,vae,gan] [steps=1050] [rounds=3] [pairs=3]
                            [device=cpu]

genrun runs as a user's run does: live display, log, timings, checkpoints, finite checks;
evaluation is left out on both sides. After every 50 of its steps the bare loop does 50 of its own,
on the same images with the same networks, optimizer and batch size, on one CPU thread. Each round
builds both anew, since where in memory their tensors happen to lie makes a percent or two. Where
the extra `bench` is installed, Lightning and pythae are timed against the bare loop in `pairs`
pairs of 300 steps.
Printed are the median of the pairs' ratios, the range of their middle half, and the ratio of all
the time together, which holds the few pairs with a checkpoint in them.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from itertools import pairwise
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F

from genrun.compose import compose
from genrun.data.images import Batches
from genrun.experiment import Experiment
from genrun.terminal.live import LiveDisplay

BATCH = 128
CHUNK = 50  # steps of a pair of the bare loop and genrun
OTHERS = 300  # steps of a pair of the bare loop and another library
Seconds = Callable[[int], float]


def mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Images:
    """What a careful user would write: uint8 in memory, one permutation an epoch."""

    def __init__(self, images: Tensor) -> None:
        self.images = images
        self.order = torch.empty(0)
        self.place = 0

    def batch(self) -> Tensor:
        if self.place + BATCH > len(self.order):
            self.order = torch.randperm(len(self.images)).to(self.images.device)
            self.place = 0
        rows = self.order[self.place : self.place + BATCH]
        self.place += BATCH
        return self.images.index_select(0, rows).to(torch.float32).div_(255)


def adam(*modules: nn.Module) -> torch.optim.Optimizer:
    parameters = [parameter for module in modules for parameter in module.parameters()]
    return torch.optim.Adam(parameters, lr=1e-3, fused=True)


class BareAutoencoder(nn.Module):
    def __init__(self, images: Images) -> None:
        super().__init__()
        self.images = images
        self.body = mlp(784, 256, 784)
        self.to(images.images.device)
        self.optimizer = adam(self.body)

    def step(self) -> None:
        x = self.images.batch().flatten(1)
        loss = F.mse_loss(torch.sigmoid(self.body(x)), x)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class BareVAE(nn.Module):
    def __init__(self, images: Images) -> None:
        super().__init__()
        self.images = images
        self.encoder, self.decoder = mlp(784, 512, 40), mlp(20, 512, 784)
        self.to(images.images.device)
        self.optimizer = adam(self.encoder, self.decoder)

    def step(self) -> None:
        x = self.images.batch().flatten(1)
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        cross = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="none").sum(1)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        loss = cross.mean() + kl.mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class BareGAN(nn.Module):
    def __init__(self, images: Images) -> None:
        super().__init__()
        self.images = images
        self.generator, self.discriminator = mlp(100, 256, 784), mlp(784, 256, 1)
        self.to(images.images.device)
        self.optimizer_g, self.optimizer_d = adam(self.generator), adam(self.discriminator)

    def step(self) -> None:
        x = self.images.batch().flatten(1)
        with torch.no_grad():
            fake = torch.tanh(self.generator(torch.randn(BATCH, 100, device=x.device)))
        real_logits = self.discriminator(2 * x - 1)
        loss = (F.softplus(-real_logits) + F.softplus(self.discriminator(fake))).mean()
        self.optimizer_d.zero_grad()
        loss.backward(inputs=list(self.discriminator.parameters()))
        self.optimizer_d.step()
        fake = torch.tanh(self.generator(torch.randn(BATCH, 100, device=x.device)))
        loss = F.softplus(-self.discriminator(fake)).mean()
        self.optimizer_g.zero_grad()
        loss.backward(inputs=list(self.generator.parameters()))
        self.optimizer_g.step()


BARE = {"autoencoder": BareAutoencoder, "vae": BareVAE, "gan": BareGAN}
WORDS = {"autoencoder": [], "vae": ["backbone.hidden=[512]"], "gan": []}


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def bare(job: str, images: Tensor) -> Seconds:
    model = BARE[job](Images(images))

    def seconds(steps: int) -> float:
        synchronize(images.device)
        begun = time.perf_counter()
        for _ in range(steps):
            model.step()
        synchronize(images.device)
        return time.perf_counter() - begun

    return seconds


def against_genrun(
    job: str, images: Tensor, device: str, steps: int, folder: Path
) -> tuple[list[float], list[float]]:
    """Seconds of the bare loop and of genrun for each `CHUNK` steps, one after the other.

    genrun trains as in use. After every chunk, where its loop asks whether to stop, the bare loop
    does as many steps: pairs of a second or less, which a noisy machine disturbs alike.
    """
    words = [
        "data=fashion_mnist", f"model={job}", "regularization=[]", *WORDS[job],
        f"steps={steps}", f"runtime.device={device}", "runtime.threads=1",
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
        if step % CHUNK == 0:
            synchronize(images.device)
            if since:
                ours.append(time.perf_counter() - since)
            display._live.stop()  # it must not take the bare loop's time
            others.append(other(CHUNK))
            display._live.start()
            since = time.perf_counter()
        return False

    folder.mkdir()
    with Path(os.devnull).open("w") as nowhere:
        display = LiveDisplay(Console(file=nowhere, force_terminal=True, width=100))
        experiment.train(folder, display, between)
    return others[: len(ours)], ours


def lightning(job: str, images: Tensor, folder: Path) -> Seconds | None:
    """The same model in Lightning with its defaults: logger, checkpoints, progress bar."""
    if importlib.util.find_spec("lightning") is None:
        return None
    from lightning import LightningModule, Trainer
    from torch.utils.data import DataLoader, TensorDataset

    warnings.filterwarnings("ignore", module="lightning")

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.images = Images(images)
            self.model = BARE[job](self.images)

        def training_step(self, batch: list[Tensor], index: int) -> None:
            x = batch[0].to(torch.float32).div_(255)
            self.images.batch = lambda: x  # type: ignore[method-assign]
            self.model.step()

        def configure_optimizers(self) -> list[torch.optim.Optimizer]:
            return [v for v in vars(self.model).values() if isinstance(v, torch.optim.Optimizer)]

    module = Module()
    loader = DataLoader(TensorDataset(images), batch_size=BATCH, shuffle=True, drop_last=True)

    def seconds(steps: int) -> float:
        batches = min(steps, len(loader))  # an epoch has no more
        epochs = max(1, round(steps / batches))
        trainer = Trainer(
            max_epochs=epochs,
            limit_train_batches=batches,
            default_root_dir=folder,
            accelerator="gpu" if images.is_cuda else "cpu",
            enable_model_summary=False,
        )
        begun = time.perf_counter()
        trainer.fit(module, loader)
        return (time.perf_counter() - begun) * steps / (epochs * batches)

    return seconds


def pythae(job: str, images: Tensor, folder: Path) -> Seconds | None:
    """pythae's own trainer on its own autoencoder or VAE of the same widths."""
    if job == "gan" or importlib.util.find_spec("pythae") is None:
        return None
    from pythae.models import AE, VAE, AEConfig, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    latent, hidden = (256, 0) if job == "autoencoder" else (20, 512)

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(*([nn.Linear(784, hidden), nn.ReLU()] if hidden else []))
            self.mean = nn.Linear(hidden or 784, latent)
            self.log_variance = nn.Linear(hidden, latent) if hidden else None

        def forward(self, x: Tensor) -> ModelOutput:
            features = self.body(x.flatten(1))
            if self.log_variance is None:
                return ModelOutput(embedding=F.relu(self.mean(features)))
            return ModelOutput(
                embedding=self.mean(features), log_covariance=self.log_variance(features)
            )

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            widths = (latent, hidden, 784) if hidden else (latent, 784)
            self.body = mlp(*widths)

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=torch.sigmoid(self.body(z)).view(-1, 1, 28, 28))

    config, kind = (AEConfig, AE) if job == "autoencoder" else (VAEConfig, VAE)
    keywords = {} if job == "autoencoder" else {"reconstruction_loss": "bce"}
    model = kind(
        config(input_dim=(1, 28, 28), latent_dim=latent, **keywords), Encoder(), Decoder()
    )

    def seconds(steps: int) -> float:
        few = images[: steps * BATCH].to(torch.float32).div(255)
        settings = BaseTrainerConfig(
            output_dir=str(folder), num_epochs=1, per_device_train_batch_size=BATCH,
            train_dataloader_num_workers=0, no_cuda=images.device.type == "cpu",
        )  # fmt: skip
        from pythae.data.datasets import BaseDataset

        trainer = BaseTrainer(
            model=model,
            train_dataset=BaseDataset(few, torch.zeros(len(few))),
            training_config=settings,
        )
        begun = time.perf_counter()
        trainer.train()
        return (time.perf_counter() - begun) * steps / -(-len(few) // BATCH)

    return seconds


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
    job: str, images: Tensor, device: str, rounds: int, steps: int, pairs: int, folder: Path
) -> list[list[str]]:
    with quiet():
        against_genrun(job, images, device, 3 * CHUNK, folder / f"{job}-warm")
        theirs: list[float] = []
        ours: list[float] = []
        for number in range(rounds):
            pairs_of_round = against_genrun(job, images, device, steps, folder / f"{job}-{number}")
            theirs += pairs_of_round[0]
            ours += pairs_of_round[1]
        rows = [
            row(job, "bare loop", theirs, theirs, CHUNK),
            row(job, "genrun", theirs, ours, CHUNK),
        ]
        reference = bare(job, images)
        for name, make in (("Lightning", lightning), ("pythae", pythae)):
            if (one := make(job, images, folder)) is None:
                continue
            one(CHUNK)
            both = [(reference(OTHERS), one(OTHERS)) for _ in range(pairs)]
            rows.append(row(job, name, [a for a, _ in both], [b for _, b in both], OTHERS))
    return rows


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    steps, rounds, pairs = (
        int(given.get(name, default))
        for name, default in (("steps", 1050), ("rounds", 3), ("pairs", 3))
    )
    jobs = given.get("jobs", "autoencoder,vae,gan").split(",")
    device = torch.device(given.get("device", "cpu"))
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as genrun does: without it the bare loop is far slower
    composed = compose(["data=fashion_mnist"])
    from genrun.build import build_data

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
            rows = measure(job, data._train, str(device), rounds, steps, pairs, Path(temporary))
            for cells in rows:
                table.add_row(*cells)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
