"""Value types that several packages share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

Metrics = dict[str, Tensor]
"""Values by name, on the training device: shape () from a loss, (batch,) from an evaluation."""

GRADIENT_NORM = "gradient_norm"
"""The last part of the names of gradient norms in the log: `PLAYER/gradient_norm`."""

State = dict[str, Any]
"""The state of a pure state machine, of JSON's types only."""


@dataclass(frozen=True)
class DataSpec:
    """The shape and kind of one example. Models get images as float tensors in [0, 1].

    With `points`, examples are points of the plane of shape (2, 1, 1) instead of images. They are
    in [0, 1] too, which stands for [-extent, extent] in the data's own coordinates on both axes.
    """

    channels: int
    height: int
    width: int
    classes: int = 0  # labels are 0 to classes - 1; 0: no labels
    points: bool = False
    extent: float = 1.0  # for points only

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)"""
        return (self.channels, self.height, self.width)

    @property
    def pixels(self) -> int:
        return self.channels * self.height * self.width

    def coordinates(self, points: Tensor) -> Tensor:
        """Returns points (count, 2, 1, 1) in [0, 1] in their own coordinates, (count, 2)."""
        return (2 * points.flatten(1) - 1) * self.extent


@dataclass(frozen=True)
class Modes:
    """The equally likely Gaussians that points were drawn from, in the scale of [0, 1]."""

    centres: Tensor  # (modes, 2)
    std: float  # the same along both axes


@dataclass(frozen=True)
class Picture:
    """The content of a picture file: images in a grid, or a scatter plot of points.

    Points may have `background` points drawn below them; with `pairs`, point i is joined to
    background point i.
    """

    images: Tensor
    spec: DataSpec
    background: Tensor | None = None
    pairs: bool = False


@dataclass(frozen=True)
class Player:
    """A set of networks that minimize a loss of their own: a GAN has two players, a VAE one."""

    name: str
    networks: tuple[str, ...]  # whose parameters this player's optimizer updates
    turns: int = 1  # gradient steps per training step (n_critic), each on a new batch


@dataclass(frozen=True)
class StepReport:
    """The input of a stopping policy after a training step.

    `seconds` is training time so far, over all resumed parts, without evaluation and saving.
    `metrics` holds the held-out values of this step by name, with their standard errors
    (`core/log_names.py`); it is empty at steps without an evaluation. `losses` holds the logged
    training values, `PLAYER/loss` and others, averaged over the steps since the last row of the
    log; it is empty at steps without a row. `flops` counts all steps so far; None: not counted.

    A run's folder holds all of these values, so that a policy can be replayed over a finished run:
    metrics.jsonl, timings.jsonl (`seconds` at each row), and run.json (`flops` of one step).
    """

    step: int
    examples: int
    seconds: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    losses: Mapping[str, float] = field(default_factory=dict)
    flops: int | None = None


@dataclass(frozen=True)
class BatchShard:
    """The part of every batch that one of `count` processes trains on.

    It is the `index`-th block of `rows` consecutive examples.
    """

    index: int
    count: int
    rows: int

    def full_shape(self, shape: Sequence[int]) -> list[int]:
        """Returns the shape of the global tensor that a tensor of `shape` is this shard of.

        The first dimension is the batch, or several batches one after the other. A shape whose
        first dimension is no multiple of `rows` does not depend on the batch and is unchanged.
        """
        factor = self.count if len(shape) > 0 and shape[0] % self.rows == 0 else 1
        return [shape[0] * factor, *shape[1:]] if len(shape) > 0 else []

    def local_rows(self, full: Tensor, shape: Sequence[int]) -> Tensor:
        """Returns this shard's rows, of `shape`, of a tensor of `full_shape(shape)`."""
        if full.dim() == 0 or len(full) == shape[0]:
            return full
        batches = full.view(-1, self.count, self.rows, *shape[1:])
        return batches[:, self.index].reshape(list(shape))


class HealthTransition(NamedTuple):
    """The start or the end of a condition that a run's health is watched for."""

    began: bool
    detail: str  # for the user


@dataclass(frozen=True)
class RunSummary:
    """The facts about a run that a display shows at its start and at its end."""

    title: str
    folder: str
    steps: int
    monitor: str
    details: Mapping[str, str]  # by label: device, parameters, data
