"""genrun from Python: `genrun.train([...])` and `genrun.Run.open(path)`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from genrun.config.compose import compose
from genrun.config.saved import read_config
from genrun.core.errors import CheckpointUnusable
from genrun.core.protocols.model import Model
from genrun.core.status import RunStatus
from genrun.core.types import DataSpec
from genrun.evaluation.evaluate import EvaluateOptions, evaluate_on_test_images, evaluate_run
from genrun.evaluation.measure import SampleCounts
from genrun.experiment.experiment import Experiment
from genrun.experiment.memory import check_samples_fit
from genrun.experiment.networks import build_model, build_networks
from genrun.experiment.run_info import now, read_data_spec
from genrun.runs.checkpoint import Checkpoint, sound_checkpoints
from genrun.runs.folder import RunFolder
from genrun.terminal.plain import PlainDisplay, SilentDisplay
from genrun.training.evaluation import sample
from genrun.training.state import check_network_tensors, load_networks

Weights = Literal["best", "last"]


class Run:
    """A run on disk: its metrics, networks and samples."""

    def __init__(self, folder: RunFolder, plugins: Sequence[str] = ()) -> None:
        self._folder = folder
        self._plugins = list(plugins)
        self._built: dict[Weights, tuple[Model, nn.ModuleDict]] = {}

    @classmethod
    def open(cls, path: str | Path, plugins: Sequence[str] = ()) -> Run:
        """Returns the run in a folder. `plugins` are modules of your own that it may import.

        Raises `InputMissing` if the folder holds no run.
        """
        return cls(RunFolder.open(path), plugins)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.status})"

    @property
    def path(self) -> Path:
        return self._folder.path

    @property
    def status(self) -> RunStatus:
        """One of running, finished, stopped_early, interrupted, diverged, failed."""
        return RunStatus(self.info["status"])

    @property
    def info(self) -> dict[str, Any]:
        """The content of run.json."""
        return self._folder.read()

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration."""
        return read_config(self._folder.config_path)

    @property
    def spec(self) -> DataSpec:
        """The shape of the data, and whether they are images or points."""
        return read_data_spec(self.info["data"])

    @property
    def metrics(self) -> dict[str, NDArray[np.float64]]:
        """Every logged value by name: one entry for each row of the log, NaN if a row lacks it."""
        rows = self._folder.rows()
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: np.array([row.get(name, np.nan) for row in rows], float) for name in names}

    @property
    def health(self) -> list[dict[str, Any]]:
        """The health events, each with `step`, `health` (its name), `state` and `detail`."""
        return self._folder.health()

    def networks(self, weights: Weights = "best") -> nn.ModuleDict:
        """Returns the networks in evaluation mode, on the CPU; the averaged ones if there are any.

        Raises `CheckpointUnusable` if no checkpoint is intact.
        """
        return self._model_and_networks(weights)[1]

    def sample(self, count: int = 64, seed: int = 0, weights: Weights = "best") -> Tensor:
        """Returns images (count, channels, height, width) in [0, 1], a function of the seed.

        A model of points returns (count, 2) in the data's own coordinates. Raises `OutOfMemory`
        if they do not fit into memory.
        """
        spec = self.spec
        check_samples_fit(count, spec.pixels)
        model, nets = self._model_and_networks(weights)
        images = sample(model, nets, count, seed)
        return spec.coordinates(images) if spec.points else images

    def evaluate(
        self,
        metrics: Sequence[str] | None = None,
        *,
        features: str | None = None,
        samples: int = 10_000,
        resamples: int = 100,
        seed: int = 0,
        weights: Weights = "best",
        neighbours: int = 1000,
        likelihood_images: int = 1000,
        importance_samples: int = 500,
        device: str = "auto",
        path: str | None = None,
    ) -> dict[str, Any]:
        """Measures the run's samples against its held-out images, as `genrun evaluate` does.

        `metrics` and `features` are choices of these groups, `path` is the file of features that
        need one. None stands for `frechet`, `kernel_distance`, `precision_recall` and
        `density_coverage`, for `modes` if the data have known modes, and for the run's own metrics
        and features. The result is also written to `evaluation.json`, with a picture of samples
        and their nearest training images.

        Raises `CheckpointUnusable` if the data changed since the run, `ConfigError` for a
        choice that does not fit, `OutOfMemory` if the images do not fit into memory.
        """
        counts = SampleCounts(
            samples, resamples, neighbours, likelihood_images, importance_samples
        )
        options = EvaluateOptions(metrics, features, path, counts, seed, device)
        model, nets = self._model_and_networks(weights)
        step = self._checkpoint(weights).step
        about = {"weights": weights, "step": step, "evaluated": now()}
        return evaluate_run(self._folder, model, nets, self._plugins, options, about)

    def test(self) -> dict[str, Any]:
        """Measures the best weights on the test images (`data.test`), with noise of its own.

        The result is also written to `test.json`. Raises `ConfigError` if the run has no test
        images.
        """
        model, nets = self._model_and_networks("best")
        about = {"weights": "best", "step": self._checkpoint("best").step, "tested": now()}
        return evaluate_on_test_images(self._folder, model, nets, self._plugins, about)

    def _model_and_networks(self, weights: Weights) -> tuple[Model, nn.ModuleDict]:
        if weights not in self._built:
            config = self.config
            model, regularizations = build_model(config, self._plugins)
            checkpoint = self._checkpoint(weights)
            averaged = any(path.startswith("average/") for path in checkpoint.meta_tensors)
            kind = "average" if averaged else "networks"

            def check(nets: nn.ModuleDict) -> None:
                try:
                    check_network_tensors(nets, checkpoint.meta_tensors, kind)
                except ValueError as error:
                    text = f"{checkpoint.path}: does not fit ({error})"
                    raise CheckpointUnusable(text) from error

            nets = build_networks(config, model, regularizations, self.spec, self._plugins, check)
            check(nets)  # again: networks of a plugin may not be possible to make without memory
            load_networks(nets, checkpoint.tensors(f"{kind}/"), kind)
            self._built[weights] = (model, nets.eval())
        return self._built[weights]

    def _checkpoint(self, weights: Weights) -> Checkpoint:
        for checkpoint in sound_checkpoints(self._folder.checkpoints):
            best = checkpoint.record["best"]
            if weights == "last" or best is None or best[0] == checkpoint.step:
                return checkpoint
        raise CheckpointUnusable(f"{self.path}: has no sound checkpoint of the {weights} weights")


def train(
    overrides: Sequence[str] = (), *, config_dir: str | None = None, quiet: bool = False
) -> Run:
    """Trains the experiment that the overrides compose and returns its run.

    `overrides` are those of the command line: `["model=gan", "optimizer.lr=3e-4"]`. `config_dir`
    is a folder with YAML files of your own; `quiet` prints nothing. A run that diverged or was
    interrupted is returned with that status. Raises the errors of `genrun.core.errors`.
    """
    composed = compose(overrides, config_dir)
    experiment = Experiment.prepare(composed.config, composed.choices, composed.overrides)
    folder = experiment.claim(composed.folder.absolute())
    silent = quiet or experiment.built.processes.rank > 0
    experiment.train(folder, SilentDisplay() if silent else PlainDisplay(sys.stdout))
    return Run.open(folder, plugins=composed.config["plugins"])
