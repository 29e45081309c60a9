"""The contract of `conf/model`: the networks, losses and samples of a generative model.

`Model` is what every model provides; the other protocols are abilities that a model may have in
addition. genrun detects them by their methods, and then reports or allows more.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from genrun.core.noise import Key
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec, Metrics, Player


class Model(Protocol):
    """A generative model as a set of pure functions of its networks.

    A model has settings but no weights: these are in the networks that `build_networks` returns,
    and every other method gets them as `nets`. All randomness comes from `key`, through
    `core.noise`; the same arguments always give the same result. All images that go in and out are
    (batch, channels, height, width) in [0, 1], also if the networks work in another range.

    `components/model/autoencoder.py` has one player, `components/model/_adversarial.py` two.
    """

    monitor: str  # the held-out value by which runs are compared; lower is better
    data_range: tuple[float, float]  # what the networks take and return for images in [0, 1]

    def build_networks(self, backbone: Backbone, spec: DataSpec) -> nn.ModuleDict:
        """Returns the networks by name, newly initialized, when a run is built.

        Networks whose shape depends on the data should be built by `backbone`, so that its choice
        and the regularizations apply to them. Raises `ConfigError` if the model cannot learn such
        data. The names are part of checkpoints. It is called on the device `meta` first, to
        compare the memory needed with what is available.
        """

    def players(self) -> tuple[Player, ...]:
        """Returns the players, in the order in which they take turns.

        Each has a loss and an optimizer of its own and trains the networks that it names; no
        network belongs to two players. Networks of no player are not trained.
        """

    def loss(
        self, player: str, nets: nn.ModuleDict, batch: Tensor, key: Key
    ) -> tuple[Tensor, Metrics]:
        """Returns the loss of the player with this name, of shape (), and values to log, also ().

        Called at every turn with a training batch; the networks are in training mode. The loss is
        a mean over the batch, and the first dimension of all noise is the batch, so that several
        processes compute what one would. It runs under `torch.compile` and `torch.func`: no
        Python control flow on values, no `.item()`. Parts that the player's own weights do not
        affect belong in `opponents_no_grad()`.
        """

    def evaluate(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Returns held-out values by name, among them `monitor` unless a metric measures it.

        Called at every evaluation with each held-out batch, without gradients, in evaluation
        mode. A value of shape (batch,) is averaged over all images. Of a value of shape
        (batch, n), the largest of the n averages is reported.
        """

    def sample(self, nets: nn.ModuleDict, count: int, key: Key) -> Tensor:
        """Returns `count` samples (count, channels, height, width) in [0, 1].

        Called at every evaluation, without gradients, in evaluation mode.
        """


@runtime_checkable
class Reconstructs(Protocol):
    """A model that reconstructs images, which are shown next to the originals."""

    def reconstruct(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        """Returns the reconstructions, of the shape of `images` and in [0, 1]."""


@runtime_checkable
class Calibrates(Protocol):
    """A model that needs statistics of training images before it can sample."""

    def calibrate(self, nets: nn.ModuleDict, images: Tensor) -> None:
        """Sets buffers of `nets` from some training images; called before every evaluation."""


@runtime_checkable
class Conditional(Protocol):
    """A model that is conditioned on class labels; the data must have labels."""

    def condition_on(self, labels: Tensor) -> Model:
        """Returns the model of images with these labels, int64 of shape (batch,).

        Its `loss`, `evaluate`, `sample` and `critic_logits` are called with that many images.
        Without labels the model can only `sample`: images of all classes, in turn.
        """


@runtime_checkable
class Adversarial(Protocol):
    """A model with a player that classifies images as real or generated."""

    critic: str  # the name of that player

    def critic_logits(self, nets: nn.ModuleDict, images: Tensor) -> Tensor:
        """Returns logits of shape (batch,), the higher the more real an image seems.

        Regularizations differentiate it with respect to `images`.
        """


@runtime_checkable
class Encodes(Protocol):
    """A model with a Gaussian approximate posterior of its latent code."""

    def posterior(self, nets: nn.ModuleDict, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the mean and the log-variance of q(z | x), each (batch, latent_dim)."""


@runtime_checkable
class Likelihood(Protocol):
    """A model whose log-likelihood can be computed, estimated or bounded (`genrun evaluate`)."""

    def negative_log_likelihood(self, nets: nn.ModuleDict, batch: Tensor, key: Key) -> Metrics:
        """Returns values in nats per image, each of shape (batch,), by the name of their kind.

        The names are `importance_weighted_bound` (of -log p, from above), `exact` and
        `probability_flow_ode`. They are of the probability of an image with 256 levels per pixel,
        or of the density of a point in the data's own coordinates; a model whose values are of
        something else is a `HasLikelihoodNote`.
        """


@runtime_checkable
class HasLikelihoodNote(Protocol):
    """A model whose likelihood cannot be compared with that of every other model."""

    likelihood_note: str  # the reason, which is shown with each value


@runtime_checkable
class ChecksModel(Protocol):
    """A component of another group that does not fit every model."""

    def check_model(self, model: Model) -> None:
        """Raises `ConfigError` if the model does not fit; called when a run is built."""
