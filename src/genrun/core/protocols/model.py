"""What each kind of choice must be able to do. Everything is duck-typed against these.

Those of data, metrics and regularizations have modules of their own beside this one.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player


class Model(Protocol):
    """What is learned. `loss` is a pure function of networks, batch and key."""

    monitor: str  # the held-out metric that says how good it is; lower is better
    data_range: tuple[float, float]  # in which its networks see the data, given in [0, 1]

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict: ...

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

    def condition_on(self, labels: Tensor) -> Model:
        """The model of images that have these labels, int64 of shape (batch,).

        Its `loss`, `evaluate`, `sample` and `judge` are of that many images. Before it is told any
        it can only sample: images of all classes, in turn.
        """


@runtime_checkable
class Adversarial(Protocol):
    """A model in which one player judges images."""

    critic: str  # the name of the judging player

    def critic_logits(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        """Logits of shape (batch,): positive where an image seems real."""


@runtime_checkable
class Encodes(Protocol):
    """A model with a Gaussian posterior of its latent code."""

    def posterior(self, nets: nn.ModuleDict, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of q(z | x), each (batch, latent)."""


@runtime_checkable
class Likelihood(Protocol):
    """A model whose log-likelihood can be bounded, estimated or computed."""

    def negative_log_likelihood(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Named values in nats an image, each of shape (batch,); the name says what it is.

        `importance_weighted_bound` (of -log p, from above), `exact`, `probability_flow_ode`. What
        they are of is the probability of an image among all of its 256 levels, or the density of
        a point in the data's own coordinates; anything else `HasLikelihoodNote`.
        """


@runtime_checkable
class HasLikelihoodNote(Protocol):
    """A likelihood that cannot be compared with every other: why, beside each figure of it."""

    likelihood_note: str


@runtime_checkable
class ChecksModel(Protocol):
    """A choice that does not suit every model and says so. Raises `ConfigError`."""

    def check_model(self, model: Model) -> None: ...
