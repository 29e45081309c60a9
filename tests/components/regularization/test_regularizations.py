"""Each regularization against its formula; test_conformance trains with all of them."""

import pytest
import torch
from torch import nn

from genrun.components.model.gan import GAN
from genrun.components.regularization.batch_norm import BatchNorm
from genrun.components.regularization.dropout import KeyedDropout
from genrun.components.regularization.ema import EMA
from genrun.components.regularization.gradient_clip import GradientClip
from genrun.components.regularization.gradient_penalty import GradientPenalty
from genrun.components.regularization.label_smoothing import LabelSmoothing
from genrun.components.regularization.r1 import R1
from genrun.components.regularization.r2 import R2
from genrun.components.regularization.spectral_norm import SpectralNorm
from genrun.components.regularization.weight_penalty import WeightPenalty
from genrun.core import noise
from genrun.core.noise import Key

pytestmark = pytest.mark.usefixtures("float64")
GAN_MODEL = GAN(latent_dim=3, discriminator_turns=1, real_target=1.0)


def discriminator() -> nn.ModuleDict:
    return nn.ModuleDict(
        {"discriminator": nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))}
    )


def test_dropout_zeroes_a_fraction_and_keeps_the_mean() -> None:
    layer = KeyedDropout(0.2)
    ones = torch.ones(200, 500)
    with noise.layer_keys(Key.from_seed(0)):
        first, second = layer(ones), layer(ones)
    assert abs((first == 0).double().mean() - 0.2) < 0.01
    assert first.max() == 1 / 0.8
    assert not torch.equal(first, second), "each call has its own noise"
    assert layer.eval()(ones) is ones


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(6, 4),
        nn.Conv2d(2, 4, 3),
        nn.ConvTranspose2d(2, 4, 3),
        nn.Linear(6, 4, bias=False),
    ],
)
def test_spectral_norm_divides_by_the_largest_singular_value(layer: nn.Module) -> None:
    torch.manual_seed(0)  # two singular values that are nearly equal would take many steps
    layer = layer.double()
    layer.reset_parameters()
    weight = (
        layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
    )
    sigma = torch.linalg.svdvals(weight.flatten(1))[0]
    inputs = torch.randn(3, 6) if isinstance(layer, nn.Linear) else torch.randn(3, 2, 5, 5)
    plain = layer(inputs)
    network = SpectralNorm(None, eps=1e-12).change_network(nn.Sequential(layer))
    for _ in range(200):
        normalized = network(inputs)
    bias = 0 if layer.bias is None else layer.bias.view(-1, *[1] * (plain.dim() - 2))
    torch.testing.assert_close(normalized, (plain - bias) / sigma + bias)
    if isinstance(layer, nn.Linear):  # over positions, as in attention
        one = network.eval()(inputs)
        torch.testing.assert_close(network(inputs.expand(2, 3, 6)), one.expand(2, 3, 4))
    before = network[0].u.clone()
    network.eval()(inputs)
    assert torch.equal(network[0].u, before), "evaluation updates nothing"


def test_r1_is_half_gamma_times_the_squared_gradient_at_real_images() -> None:
    nets, images = discriminator(), torch.rand(6, 1, 2, 2)
    critic = GAN_MODEL.players()[0]
    penalty = R1(gamma=3.0).penalty(GAN_MODEL, critic, nets, images, Key.from_seed(0))
    real = images.clone().requires_grad_()
    gradient = torch.autograd.grad(GAN_MODEL.critic_logits(nets, real).sum(), real)[0]
    expected = 1.5 * gradient.square().sum() / 6
    assert penalty is not None
    torch.testing.assert_close(penalty, expected, rtol=1e-12, atol=0)
    generator = GAN_MODEL.players()[1]
    assert R1(3.0).penalty(GAN_MODEL, generator, nets, images, Key.from_seed(0)) is None


def with_generator() -> nn.ModuleDict:
    nets = discriminator()
    nets["generator"] = nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (1, 2, 2)))
    return nets


def gradient_at(nets: nn.ModuleDict, images: torch.Tensor) -> torch.Tensor:
    images = images.detach().requires_grad_()
    return torch.autograd.grad(GAN_MODEL.critic_logits(nets, images).sum(), images)[0]


def test_r2_is_r1_at_generated_images() -> None:
    nets, key = with_generator(), Key.from_seed(3)
    critic = GAN_MODEL.players()[0]
    penalty = R2(gamma=3.0).penalty(GAN_MODEL, critic, nets, torch.rand(6, 1, 2, 2), key)
    generated = GAN_MODEL.sample(nets, 6, key.fold("generated"))
    assert penalty is not None
    torch.testing.assert_close(penalty, 1.5 * gradient_at(nets, generated).square().sum() / 6)
    penalty.backward()
    assert all(parameter.grad is None for parameter in nets["generator"].parameters())


def test_gradient_penalty_draws_the_norm_between_images_to_one() -> None:
    nets, key, images = with_generator(), Key.from_seed(3), torch.rand(6, 1, 2, 2)
    critic, generator = GAN_MODEL.players()
    penalty = GradientPenalty(weight=10.0).penalty(GAN_MODEL, critic, nets, images, key)
    generated = GAN_MODEL.sample(nets, 6, key.fold("generated")).detach()
    share = noise.uniform(key.fold("between"), (6, 1, 1, 1), like=images)
    between = share * images + (1 - share) * generated
    norms = gradient_at(nets, between).flatten(1).norm(dim=1)
    torch.testing.assert_close(penalty, 10 * (norms - 1).square().mean(), rtol=1e-6, atol=1e-9)
    assert GradientPenalty(1.0).penalty(GAN_MODEL, generator, nets, images, key) is None


def test_r1_does_not_change_running_statistics() -> None:
    nets = nn.ModuleDict(
        {"discriminator": nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, 1))}
    )
    before = {name: tensor.clone() for name, tensor in nets.state_dict().items()}
    R1(1.0).penalty(
        GAN_MODEL, GAN_MODEL.players()[0], nets, torch.rand(6, 1, 2, 2), Key.from_seed(0)
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in nets.state_dict().items())
    assert nets["discriminator"][1].track_running_stats


@pytest.mark.parametrize(("power", "expected"), [(1, 0.1 * 10), (2, 0.1 * 30)])
def test_weight_penalties_count_matrices_and_not_biases(power: int, expected: float) -> None:
    layer = nn.Linear(2, 2)
    layer.weight.data = torch.tensor([[1.0, -2.0], [3.0, -4.0]])
    nets = nn.ModuleDict({"discriminator": layer})
    critic = GAN_MODEL.players()[0]
    regularization = WeightPenalty(None, weight=0.1, power=power)
    value = regularization.penalty(GAN_MODEL, critic, nets, torch.empty(0), Key.from_seed(0))
    assert value is not None
    assert value.item() == pytest.approx(expected)
    elsewhere = WeightPenalty(["generator"], weight=0.1, power=power)
    assert elsewhere.penalty(GAN_MODEL, critic, nets, torch.empty(0), Key.from_seed(0)) is None


def test_label_smoothing_is_cross_entropy_with_the_smoothed_target() -> None:
    from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

    model = LabelSmoothing(0.1).change_model(GAN_MODEL)
    nets = discriminator()
    nets["generator"] = nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (1, 2, 2)))
    images, key = torch.rand(5, 1, 2, 2), Key.from_seed(4)
    loss, _ = model.loss("discriminator", nets, images, key)
    real = model.critic_logits(nets, images)
    fake = model.critic_logits(nets, model.sample(nets, 5, key))
    expected = cross_entropy(real, torch.full((5,), 0.9)) + cross_entropy(fake, torch.zeros(5))
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)


def test_ema_follows_its_recursion_with_a_smaller_decay_at_first() -> None:
    averaged, current = torch.zeros(2), torch.tensor([1.0, 3.0])
    expected = torch.zeros(2)
    for step in range(1, 200):
        EMA(decay=0.9).update_average([averaged], [current], step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * current
    torch.testing.assert_close(averaged, expected, rtol=1e-12, atol=0)


def test_gradient_clip_shortens_long_gradients_only() -> None:
    long, short = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    long.grad, short.grad = torch.tensor([3.0, 4.0]), torch.tensor([0.3, 0.4])
    GradientClip(1.0).change_gradients([short])
    GradientClip(1.0).change_gradients([long])
    torch.testing.assert_close(short.grad, torch.tensor([0.3, 0.4]))
    torch.testing.assert_close(long.grad.norm(), torch.tensor(1.0), rtol=1e-5, atol=0)


@pytest.mark.parametrize(("spatial", "shape"), [(False, (64, 3)), (True, (64, 3, 2, 2))])
def test_batch_norm_layer_normalizes_channels(spatial: bool, shape: tuple[int, ...]) -> None:
    layer = BatchNorm(None, momentum=0.1, eps=1e-5, affine=True).build_layer(3, spatial)
    outputs = layer(5 + 2 * torch.randn(shape)).transpose(0, 1).flatten(1)
    torch.testing.assert_close(outputs.mean(1), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(outputs.var(1, unbiased=False), torch.ones(3), atol=1e-4, rtol=0)
