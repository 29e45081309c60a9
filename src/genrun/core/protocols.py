"""What each kind of choice must be able to do. Everything is duck-typed against these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from genrun.core.layers import Hidden
from genrun.core.noise import Key
from genrun.core.types import DataSpec, Metrics, Modes, Player, Report, RunSummary, State


class Backbone(Protocol):
    """Builds the bodies of networks: encoders read images, decoders write them, denoisers do both.

    Raises `ValueError` where it cannot be built for such images.
    """

    def encoder(self, spec: DataSpec, outputs: int | None) -> nn.Module:
        """Images (batch, channels, height, width) to (batch, outputs).

        With `outputs=None` the features of the last hidden layer, flat, are the output.
        """

    def decoder(self, spec: DataSpec, inputs: int | None) -> nn.Module:
        """(batch, inputs) to image logits (batch, channels, height, width).

        With `inputs=None` it takes what `encoder(spec, None)` gives.
        """

    def denoiser(self, spec: DataSpec, conditions: int) -> nn.Module:
        """Images and what is known of them, (batch, conditions), to values of the images' shape.

        Called with two arguments, (batch, channels, height, width) and (batch, conditions).
        """


class Model(Protocol):
    """What is learned. `loss` is a pure function of networks, batch and key."""

    monitor: str  # the held-out metric that says how good it is; lower is better
    data_range: tuple[float, float]  # in which its networks see the data, given in [0, 1]

    def networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict: ...

    def players(self) -> tuple[Player, ...]: ...

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        """The player's loss, shape (), and values worth logging, each of shape ()."""

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Held-out values: shape (batch,), of which the mean over all images is reported.

        Or (batch, n): the largest of the n means is.
        """

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        """Images (count, channels, height, width) in [0, 1]."""


@runtime_checkable
class Reconstructs(Protocol):
    """A model that can show what it makes of given images."""

    def reconstruct(self, nets: nn.ModuleDict, images: Tensor) -> Tensor: ...


@runtime_checkable
class Calibrates(Protocol):
    """A model that looks at some training images before it can sample."""

    def calibrate(self, nets: nn.ModuleDict, images: Tensor) -> None: ...


@runtime_checkable
class Conditional(Protocol):
    """A model of images given their labels: it is told them before everything else is asked."""

    def given(self, labels: Tensor) -> Model:
        """The model of images that have these labels, int64 of shape (batch,).

        Its `loss`, `evaluate`, `sample` and `judge` are of that many images. Before it is told any
        it can only sample: images of all classes, in turn.
        """


@runtime_checkable
class Adversarial(Protocol):
    """A model in which one player judges images."""

    critic: str  # the name of the judging player

    def judge(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        """Logits of shape (batch,): positive where an image seems real."""


class Data(Protocol):
    """Images in memory, on the training device; batch i is a function of (seed, i)."""

    spec: DataSpec
    digest: str  # SHA-256 of the images that were read
    labels_digest: str | None  # SHA-256 of their labels, where there are any
    name: str
    train_count: int
    held_out_count: int
    batch_size: int
    modes: Modes | None  # of data that were drawn from a known mixture

    @property
    def batches_per_epoch(self) -> int: ...

    def batch(self, index: int) -> Tensor:
        """Training batch `index`, float in [0, 1], (batch_size, channels, height, width).

        Of several processes each gets its share of these rows.
        """

    def labels(self, index: int) -> Tensor:
        """The labels of training batch `index`, int64 of shape (batch_size,), where there are."""

    def train_images(self, count: int) -> Tensor:
        """The first `count` training images, in the data's own order."""

    def train(self) -> Iterator[Tensor]:
        """All training images in batches, in the data's own order."""

    def everything(self) -> tuple[Tensor, Tensor]:
        """All images as they were read, in the data's own order, and their labels.

        What is made of these is the same whatever the seed holds out. The labels are empty where
        there are none.
        """

    def held_out(self) -> Sequence[Tensor]:
        """All held-out images in batches, always in the same order."""

    def held_out_labels(self) -> Sequence[Tensor]:
        """The labels of `held_out()`, where there are."""


@runtime_checkable
class Encodes(Protocol):
    """A model with a Gaussian posterior of its latent code."""

    def posterior(self, nets: nn.ModuleDict, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of q(z | x), each (batch, latent)."""


class Metric(Protocol):
    """What samples and held-out images are compared by; lower is better unless it says so."""

    def __call__(self, samples: Tensor, held_out: Tensor, key: Key) -> Tensor | Metrics:
        """One value of shape (), reported under the metric's own name, or several by their names.

        They are as many as there are held-out images. A value `NAME` may have the bounds of a
        95 % interval beside it: `NAME_low` and `NAME_high`.
        """


@runtime_checkable
class FeatureMetric(Protocol):
    """A metric of features of images instead of images."""

    values: Sequence[str]  # the names of what it measures, without those of the intervals
    samples: int  # that are drawn for it
    resamples: int  # of the samples, from which its intervals come

    def compare(self, samples: Tensor, held_out: Tensor, key: Key) -> Metrics:
        """Values by name, of features (count, features) in float64 on the CPU.

        Beside each value `NAME` its `NAME_standard_error`, and the bounds of its 95 % interval,
        `NAME_low` and `NAME_high`.
        """


@runtime_checkable
class HigherIsBetter(Protocol):
    """A metric some of whose values are the better the higher they are."""

    higher_is_better: Sequence[str]  # the names of these values


class Extractor(Protocol):
    """Makes features of images, in which metrics compare them."""

    description: str  # its name, and whatever a figure depends on: a network's digest, accuracy

    def __call__(self, images: Tensor) -> Tensor:
        """(count, channels, height, width) in [0, 1] to (count, features)."""


class Features(Protocol):
    """A kind of features."""

    def prepared(self, data: Data) -> Extractor:
        """The extractor for these data. Raises `ConfigError` where there can be none."""


@runtime_checkable
class SeesData(Protocol):
    """A metric that learns about the data once, when a run is built."""

    def prepared(self, data: Data) -> Metric:
        """The metric to measure with. Raises `ConfigError` where it does not suit the data."""


@runtime_checkable
class Likelihood(Protocol):
    """A model whose log-likelihood can be bounded, estimated or computed."""

    def negative_log_likelihood(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Named values in nats an image, each of shape (batch,); the name says what it is.

        `importance_weighted_bound` (of -log p, from above), `exact`, `probability_flow_ode`. What
        they are of is the probability of an image among all of its 256 levels, or the density of
        a point in the data's own coordinates; anything else `NotesLikelihood`.
        """


@runtime_checkable
class NotesLikelihood(Protocol):
    """A likelihood that cannot be compared with every other: why, beside each figure of it."""

    likelihood_note: str


class Stopper(Protocol):
    """A pure state machine: can be saved as JSON, tested by a table, replayed over a log."""

    def start(self) -> State: ...

    def observe(self, state: State, report: Report) -> tuple[State, str | None]:
        """The next state, and the reason to stop or None. Never changes `state` in place."""

    def describe(self, state: State) -> str:
        """A few words for the display: how near the end is."""


# What a regularization can do. It has the methods of at least one of these.


@runtime_checkable
class HiddenLayer(Protocol):
    """Adds a layer to every hidden layer of a network."""

    before_activation: bool

    def layer(self, channels: int, spatial: bool) -> nn.Module:
        """For (batch, channels) or, if `spatial`, (batch, channels, height, width)."""


@runtime_checkable
class ChecksHidden(Protocol):
    """A `HiddenLayer` that does not fit every hidden layer. Raises `ConfigError`."""

    def check_hidden(self, layers: Sequence[Hidden]) -> None: ...


@runtime_checkable
class CriticInput(Protocol):
    """Adds a layer through which a critic sees every image while it trains, real or generated."""

    def input_layer(self, spec: DataSpec) -> nn.Module:
        """From and to what the critic sees, (batch, channels, height, width) in [-1, 1].

        Raises `ConfigError` where data of this kind cannot be changed so.
        """


@runtime_checkable
class KLLayer(Protocol):
    """Changes the KL term of a loss. Models with one have a sequence of such layers, `kl`."""

    weighs: bool  # whether it multiplies the term: those come last

    def kl_layer(self) -> nn.Module:
        """From KL in nats (batch, latent_dim) to (any, latent_dim).

        The term is what that gives, summed over dimensions and averaged over the rest.
        """


@runtime_checkable
class FollowsStep(Protocol):
    """A module with numbers that are a function of the step.

    They are buffers, so that the loss stays a function of networks, batch and key, and not
    persistent, as a resumed run computes them anew.
    """

    def begin_step(self, step: int) -> None:
        """Sets them for training step `step`, from 1. Does not wait for the device."""


@runtime_checkable
class NetworkChange(Protocol):
    """Changes a network once, before training."""

    def change(self, network: nn.Module) -> nn.Module: ...


@runtime_checkable
class ModelChange(Protocol):
    """Changes the model's own settings once."""

    def change_model(self, model: Model) -> Model: ...


@runtime_checkable
class Penalty(Protocol):
    """A term added to a player's loss."""

    def penalty(
        self, model: Model, player: Player, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> Tensor | None:
        """A tensor of shape (), or None where this player does not pay it."""


@runtime_checkable
class GradientPoint(Protocol):
    """Says where near its weights a player's gradient is taken; its update starts from them."""

    def move(self, weights: Sequence[Tensor]) -> None:
        """Moves the weights there in place, given their own gradients; no graph is kept."""


@runtime_checkable
class GradientChange(Protocol):
    """Changes a player's gradients in place, between the backward pass and the update."""

    def change_gradients(self, parameters: Sequence[nn.Parameter]) -> None: ...


@runtime_checkable
class WeightChange(Protocol):
    """Changes a player's weights in place, after each of its updates."""

    def change_weights(
        self, model: Model, player: Player, parameters: Sequence[nn.Parameter]
    ) -> None: ...


@runtime_checkable
class WeightAverage(Protocol):
    """Keeps averaged networks, which are the ones that are evaluated and sampled."""

    def average(self, averaged: Sequence[Tensor], current: Sequence[Tensor], step: int) -> None:
        """Moves the parameters `averaged` in place, after training step `step`."""


@runtime_checkable
class ChecksModel(Protocol):
    """A choice that does not suit every model and says so. Raises `ConfigError`."""

    def check(self, model: Model) -> None: ...


class Display(Protocol):
    """What a person sees. `step` is set by plain assignment: it costs the loop nothing."""

    step: int

    def start(self, run: RunSummary, step: int) -> None: ...

    def row(self, row: Mapping[str, float], policies: Sequence[str]) -> None: ...

    def note(self, text: str) -> None: ...

    def finish(self, status: str, reason: str, lines: Mapping[str, str]) -> None: ...

    def close(self) -> None: ...
