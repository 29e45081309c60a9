"""Weight clipping, orthogonality and the normalizations of single images, by their formulas."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from genrun.components.model.gan import GAN
from genrun.components.regularization.dropout import Dropout, KeyedDropout
from genrun.components.regularization.group_norm import GroupNorm
from genrun.components.regularization.layer_norm import LayerNorm
from genrun.components.regularization.orthogonal import Orthogonal
from genrun.components.regularization.weight_clip import WeightClip
from genrun.core.errors import ConfigError
from genrun.core.layers import HiddenLayer
from genrun.core.noise import Key
from genrun.core.types import DataSpec
from genrun.experiment.build import Built
from genrun.experiment.regularizations import regularize
from tests.conftest import choices

Make = Callable[..., Built]
pytestmark = pytest.mark.usefixtures("float64")
MODEL = GAN(latent_dim=3, discriminator_turns=1, real_target=1.0)
SPEC = DataSpec(1, 4, 4)
CRITIC, GENERATOR = MODEL.players()
LAYERS = [
    nn.Linear(6, 4),
    nn.Conv2d(2, 4, 3),
    nn.ConvTranspose2d(2, 4, 3),  # its kernel is (inputs, outputs, height, width)
]


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_orthogonal_is_bigGANs_sum_over_pairs_of_filters(  # noqa: N802  # the paper's name
    layer: nn.Module, diagonal: bool
) -> None:
    layer = layer.double()
    nets = nn.ModuleDict({"discriminator": nn.Sequential(layer)})
    penalty = Orthogonal(None, weight=0.3, diagonal=diagonal).penalty(
        MODEL, CRITIC, nets, torch.empty(0), Key.from_seed(0)
    )
    transposed = isinstance(layer, nn.ConvTranspose2d)
    filters = [layer.weight[:, i] if transposed else layer.weight[i] for i in range(4)]
    expected = torch.zeros(())
    for i, one in enumerate(filters):
        for j, other in enumerate(filters):
            if i != j:
                expected = expected + (one * other).sum() ** 2
            elif diagonal:
                expected = expected + ((one * one).sum() - 1) ** 2
    torch.testing.assert_close(penalty, 0.3 * expected, rtol=1e-12, atol=0)


def test_orthogonal_filters_of_any_length_cost_nothing() -> None:
    layer = nn.Linear(3, 3, bias=False)
    layer.weight.data = 5 * torch.linalg.qr(torch.randn(3, 3))[0]
    nets = nn.ModuleDict({"discriminator": layer})
    free, tied = (
        Orthogonal(None, 1.0, diagonal).penalty(
            MODEL, CRITIC, nets, torch.empty(0), Key.from_seed(0)
        )
        for diagonal in (False, True)
    )
    assert free is not None
    assert free.item() == pytest.approx(0, abs=1e-12)
    assert tied is not None
    assert tied.item() == pytest.approx(3 * 24**2)
    elsewhere = Orthogonal(["generator"], 1.0, diagonal=False)
    assert elsewhere.penalty(MODEL, CRITIC, nets, torch.empty(0), Key.from_seed(0)) is None


def test_only_the_critics_weights_are_clipped_and_after_its_update(small: Make) -> None:
    built = small(
        "model=wasserstein_gan", "optimizer=sgd", "optimizer.lr=0.5", "regularization=weight_clip"
    )
    plain = small("model=wasserstein_gan", "optimizer=sgd", "optimizer.lr=0.5",
                  "regularization=[]")  # fmt: skip
    for experiment in (built, plain):
        experiment.step.begin(1)
        experiment.step.take_turn(experiment.model.players()[0], 0)
    for ours, free in zip(
        built.trial.nets["discriminator"].parameters(),
        plain.trial.nets["discriminator"].parameters(),
        strict=True,
    ):
        torch.testing.assert_close(ours, free.clamp(-0.01, 0.01), rtol=0, atol=0)
    built.step(1)
    assert max(p.abs().max() for p in built.trial.nets["discriminator"].parameters()) == 0.01
    assert max(p.abs().max() for p in built.trial.nets["generator"].parameters()) > 0.05


@pytest.mark.parametrize("updates", [name for name in choices("updates") if name != "alternating"])
def test_however_the_players_move_the_critics_weights_end_up_clipped(
    updates: str, small: Make
) -> None:
    words = ["model=wasserstein_gan", "model.discriminator_turns=1", "regularization=weight_clip"]
    built = small(*words, f"updates={updates}", "optimizer.lr=0.05")
    for step in range(1, 7):
        built.step(step)
        weights = [*built.trial.nets["discriminator"].parameters()]
        assert max(p.abs().max().item() for p in weights) == pytest.approx(0.01), step
    if updates == "lookahead":
        memory = built.step.memory["discriminator"]["slow"]
        assert max(slow.abs().max() for slow in memory) <= 0.01 + 1e-9, "the point it returns to"


def test_a_critic_whose_optimizer_keeps_an_average_is_not_clipped(small: Make) -> None:
    words = ["model=gan", "optimizer=schedule_free_sgd", "regularization=weight_clip"]
    with pytest.raises(ConfigError, match=r"players\.discriminator\.optimizer=adam"):
        small(*words)
    small(*words, "players.discriminator.optimizer=adam")


def test_weight_clip_does_not_apply_to_the_generator() -> None:
    parameter = nn.Parameter(torch.tensor([-3.0, 0.001, 2.0]))
    assert not WeightClip(0.5).applies_to(MODEL, GENERATOR)
    assert WeightClip(0.5).applies_to(MODEL, CRITIC)
    WeightClip(0.5).change_weights([parameter])
    assert parameter.tolist() == [-0.5, 0.001, 0.5]


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 3, 2)])
def test_layer_norm_normalizes_each_image_over_everything(shape: tuple[int, ...]) -> None:
    layer = LayerNorm(None, eps=1e-5, affine=True).build_layer(6, spatial=len(shape) == 4)
    inputs = 5 + 2 * torch.randn(shape)
    flat = inputs.flatten(1)
    variance = flat.var(1, unbiased=False, keepdim=True)
    expected = (flat - flat.mean(1, keepdim=True)) / (variance + 1e-5).sqrt()
    torch.testing.assert_close(layer(inputs).flatten(1), expected, rtol=1e-10, atol=1e-10)
    assert [tuple(p.shape) for p in layer.parameters()] == [(6,), (6,)], "one a channel"


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 3, 2)])
def test_group_norm_normalizes_each_group_of_channels(shape: tuple[int, ...]) -> None:
    layer = GroupNorm(None, groups=3, eps=1e-5, affine=False).build_layer(
        6, spatial=len(shape) == 4
    )
    inputs = 5 + 2 * torch.randn(shape)
    outputs = layer(inputs)
    for first in (0, 2, 4):
        group = inputs[:, first : first + 2].flatten(1)
        variance = group.var(1, unbiased=False, keepdim=True)
        expected = (group - group.mean(1, keepdim=True)) / (variance + 1e-5).sqrt()
        ours = outputs[:, first : first + 2].flatten(1)
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)


def hidden(channels: int, spatial: bool) -> HiddenLayer:
    return HiddenLayer(nn.Identity(), nn.ReLU(), channels, spatial)


@pytest.mark.parametrize(
    ("groups", "layers", "allowed"),
    [
        (5, [(32, True), (48, True)], "with hidden layers of 32 48 channels it must be one of "
         "1, 2, 4, 8, 16$"),
        (16, [(16, False)], "one of 1, 2, 4, 8$"),  # 16 groups of one value are all 0
        (12, [(12, True), (6, False)], "one of 1, 2, 3$"),
        (1, [(1, False)], "one of none$"),
    ],
)  # fmt: skip
def test_groups_must_divide_every_hidden_layer(
    groups: int, layers: list[tuple[int, bool]], allowed: str
) -> None:
    with pytest.raises(ConfigError, match=allowed):
        GroupNorm(None, groups, 1e-5, affine=True).check_hidden_layers(
            [hidden(*la) for la in layers]
        )


def test_groups_that_divide_are_accepted() -> None:
    GroupNorm(None, 16, 1e-5, affine=True).check_hidden_layers(
        [hidden(16, True), hidden(32, False)]
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["regularization=batch_norm", "backbone.hidden=[]"], "none in encoder, decoder"),
        (["regularization=dropout", "regularization.dropout.networks=[encoder]",
          "backbone.hidden=[]"], "none in encoder; add some to the backbone"),
        (["regularization=dropout", "regularization.dropout.networks=[]"], "names no network"),
        (["regularization=l2", "regularization.l2.networks=[critic]"], "are encoder, decoder"),
        (["regularization=orthogonal", "regularization.orthogonal.networks=[kl]"],
         "are encoder, decoder"),
        (["regularization=layer_norm", "backbone.hidden=[1]"], "at least 2"),
        (["regularization=weight_clip"], "needs a model with a discriminator"),
    ],
)  # fmt: skip
def test_a_regularization_without_effect_is_refused(
    words: list[str], message: str, small: Make
) -> None:
    with pytest.raises(ConfigError, match=message):
        small("model=vae", *words)


def test_a_network_without_hidden_layers_is_skipped_unless_it_is_named() -> None:
    def nets() -> nn.ModuleDict:
        return nn.ModuleDict({"generator": hidden(4, False), "discriminator": nn.Linear(4, 1)})

    added = nets()
    regularize("dropout", Dropout(None, 0.5), MODEL, added, SPEC)
    assert any(isinstance(module, KeyedDropout) for module in added["generator"])
    with pytest.raises(ConfigError, match="none in discriminator; add"):
        regularize("dropout", Dropout(["generator", "discriminator"], 0.5), MODEL, nets(), SPEC)
