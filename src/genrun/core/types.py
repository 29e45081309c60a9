"""Values that travel between the rooms of the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

Metrics = dict[str, Tensor]
"""Named values on the device: shape () from a loss, (batch,) from an evaluation."""

GRADIENT_NORM = "gradient_norm"
"""The last part of such values' names in a row, after the player's."""

State = dict[str, Any]
"""What a pure state machine remembers: JSON's types only."""


@dataclass(frozen=True)
class DataSpec:
    """The shape of one image. Images are float tensors in [0, 1] wherever models see them.

    `points`: what is learned are no images but points of the plane, as (2, 1, 1), in [0, 1] too:
    that stands for [-extent, extent] in the data's own coordinates, along both axes.
    """

    channels: int
    height: int
    width: int
    classes: int = 0  # labels are 0 to classes - 1; 0: there are none
    points: bool = False
    extent: float = 1.0  # of points

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)"""
        return (self.channels, self.height, self.width)

    @property
    def pixels(self) -> int:
        return self.channels * self.height * self.width

    def coordinates(self, points: Tensor) -> Tensor:
        """Points (count, 2, 1, 1) in [0, 1] as (count, 2) in the data's own coordinates."""
        return (2 * points.flatten(1) - 1) * self.extent


@dataclass(frozen=True)
class Modes:
    """Of data drawn from equal round Gaussians: where they lie, in the data's scale of [0, 1]."""

    centres: Tensor  # (modes, values of one image)
    std: float


@dataclass(frozen=True)
class Picture:
    """What a picture is to show: images in a grid, or points over others that lie behind them.

    `pairs`: each point belongs to the one behind it of the same number.
    """

    images: Tensor
    spec: DataSpec
    background: Tensor | None = None
    pairs: bool = False


@dataclass(frozen=True)
class Player:
    """Who minimizes a loss: a GAN has two, a VAE one."""

    name: str
    networks: tuple[str, ...]  # whose parameters this player's optimizer moves
    turns: int = 1  # gradient steps a training step (n_critic), a fresh batch each


@dataclass(frozen=True)
class StepReport:
    """What a stopping policy sees after a step.

    `seconds` is training time so far, resumed parts added up, evaluation and saving left out.
    `metrics` holds that step's held-out values by name, and is empty where nothing was evaluated;
    a mean over images stands beside its standard error (`core/row_names.py`). `losses` holds what
    is logged of training, `PLAYER/loss` and others, as means over the steps since the last row,
    and is empty where the step has no row. `flops` are of all steps so far, None: not counted.

    All of it stands in a run's folder: in metrics.jsonl but for `seconds` (timings.jsonl, at each
    row) and `flops` (run.json has those of a step). So a policy can be replayed over a run.
    """

    step: int
    examples: int
    seconds: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    losses: Mapping[str, float] = field(default_factory=dict)
    flops: int | None = None


@dataclass(frozen=True)
class BatchShard:
    """This process's part of every batch, which `count` processes train on together.

    It is the `index`th part of `rows` images that follow each other.
    """

    index: int
    count: int
    rows: int

    def whole(self, shape: Sequence[int]) -> list[int]:
        """The shape that one process would have where this one has `shape`.

        The first dimension is the batch, or several batches one after the other; anything else is
        no matter of the batch and stays as it is.
        """
        several = self.count if len(shape) > 0 and shape[0] % self.rows == 0 else 1
        return [shape[0] * several, *shape[1:]] if len(shape) > 0 else []

    def part(self, whole: Tensor, shape: Sequence[int]) -> Tensor:
        """Of a tensor that one process would have, this process's rows: of `shape`."""
        if whole.dim() == 0 or len(whole) == shape[0]:
            return whole
        batches = whole.view(-1, self.count, self.rows, *shape[1:])
        return batches[:, self.index].reshape(list(shape))


class HealthTransition(NamedTuple):
    """Something that a run is watched for begins, or ends."""

    began: bool
    detail: str  # for a person


@dataclass(frozen=True)
class RunSummary:
    """What a display says of a run, at its start and at its end."""

    title: str
    folder: str
    steps: int
    monitor: str
    details: Mapping[str, str]  # what a reader wants beside it: device, parameters, data
