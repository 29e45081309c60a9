"""Transformations of a critic's images: instance noise, DiffAugment, ADA."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genrun.components.model.gan import GAN
from genrun.components.regularization._ada_transforms import AdaTransforms
from genrun.components.regularization._image_warp import reflect, resample
from genrun.components.regularization.adaptive_augment import AdaptiveAugment, AdaptiveAugmentation
from genrun.components.regularization.augment import (
    Augmentation,
    change_color,
    cutout_mask,
    translate,
)
from genrun.components.regularization.instance_noise import InstanceNoise
from genrun.components.regularization.r1 import R1
from genrun.config.compose import compose
from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.layers import InputTransform, report_logits
from genrun.core.noise import Key
from genrun.core.types import BatchShard, DataSpec
from genrun.experiment.build import Built, build

Make = Callable[..., Built]
pytestmark = pytest.mark.usefixtures("float64")
SPEC = DataSpec(1, 6, 6)
MODEL = GAN(latent_dim=3, discriminator_turns=1, real_target=1.0)


def changed(layer: nn.Module, images: Tensor, seed: int = 0) -> Tensor:
    with noise.layer_keys(Key.from_seed(seed)):
        outputs: Tensor = layer(images)
    return outputs


def test_instance_noise_falls_linearly_to_nothing() -> None:
    layer = InstanceNoise(std=0.4, anneal_steps=4).build_input_layer(SPEC)
    zeros = torch.zeros(400, 1, 10, 10)
    found = []
    for step in range(1, 7):
        layer.begin_step(step)
        found.append(changed(layer, zeros, step).std().item())
    assert found == pytest.approx([0.4, 0.3, 0.2, 0.1, 0, 0], rel=0.02, abs=1e-12)
    assert layer.state_dict() == {}, "a function of the step is not saved"


def test_real_and_generated_images_pass_the_layer_in_training_only(small: Make) -> None:
    built = small("model=gan", "regularization=instance_noise")
    critic = built.trial.nets["discriminator"]
    seen: list[int] = []
    critic.layer.register_forward_hook(lambda module, given, output: seen.append(len(output)))
    built.step(1)
    assert seen == [8, 8, 8], "real, generated, and the generator's own"
    images = torch.rand(4, 1, 28, 28)
    critic.eval()
    assert torch.equal(critic(images), critic.network(images))
    assert len(seen) == 3
    assert not isinstance(built.trial.nets["generator"], InputTransform)


def test_the_step_sets_the_noise(small: Make) -> None:
    built = small("regularization=instance_noise", "regularization.instance_noise.anneal_steps=4")
    for step, expected in ((1, 0.1), (3, 0.05), (9, 0.0)):
        built.step(step)
        assert built.trial.nets["discriminator"].layer.current.item() == pytest.approx(expected)


def test_color_is_that_of_diffaugment() -> None:
    images = torch.randn(5, 3, 4, 6)
    brightness, saturation, contrast = torch.rand(3, 5)
    found = change_color(images, brightness, saturation, contrast)
    for index in range(5):
        x = images[index] + brightness[index] - 0.5
        x = (x - x.mean(0)) * 2 * saturation[index] + x.mean(0)
        x = (x - x.mean()) * (contrast[index] + 0.5) + x.mean()
        torch.testing.assert_close(found[index], x, rtol=1e-12, atol=1e-12)


def test_shifts_are_whole_pixels_up_to_an_eighth_and_zero_comes_in() -> None:
    images = 1 + torch.rand(300, 2, 16, 8)
    drawn = torch.rand(2, 300)
    found = translate(images, *drawn, 0.125)
    seen = set()
    for image, translated, down, right in zip(images, found, *drawn, strict=True):
        by = (int(down * 5) - 2, int(right * 3) - 1)
        padded = F.pad(image, (1, 1, 2, 2))
        expected = padded[:, 2 + by[0] : 18 + by[0], 1 + by[1] : 9 + by[1]]
        torch.testing.assert_close(translated, expected, rtol=0, atol=0)
        seen.add(by)
    assert len(seen) == 15, "every shift happens"


def test_cutout_is_a_square_of_half_the_side_around_any_pixel() -> None:
    images = torch.ones(500, 1, 10, 10)
    drawn = torch.rand(2, 500)
    masks = cutout_mask(images, *drawn, 0.5)
    for mask, top, left in zip(masks[:, 0], *drawn, strict=True):
        expected = torch.ones(10, 10)
        rows, columns = (int(place * 10) - 2 for place in (top, left))  # 5 pixels around it
        expected[max(rows, 0) : rows + 5, max(columns, 0) : columns + 5] = 0
        assert torch.equal(mask, expected)
    assert (masks == 0).flatten(1).sum(1).max() == 25


def test_each_image_is_changed_by_itself_and_the_gradient_goes_through() -> None:
    layer = Augmentation(color=True, translation=0.125, cutout=0.5)
    images = torch.rand(6, 1, 8, 8).expand(6, 1, 8, 8)[:1].repeat(6, 1, 1, 1).requires_grad_()
    outputs = changed(layer, images)
    assert len({tuple(image.flatten().tolist()) for image in outputs}) == 6
    assert torch.equal(outputs, changed(layer, images))
    assert not torch.equal(outputs, changed(layer, images, seed=1))
    assert torch.autograd.gradcheck(lambda given: changed(layer, given), images)
    assert torch.autograd.gradgradcheck(lambda given: changed(layer, given), images)


@pytest.mark.parametrize("layer", ["augment", "adaptive_augment"])
def test_a_share_of_the_batch_is_changed_as_it_would_be_in_the_whole(
    layer: str, small: Make
) -> None:
    changes = small(f"regularization={layer}").trial.nets["discriminator"].layer
    if layer == "adaptive_augment":
        changes.p.fill_(0.7)
    images = torch.rand(8, 1, 6, 6)
    whole = changed(changes, images)
    for index in range(2):
        with noise.layer_keys(Key.from_seed(0), BatchShard(index=index, count=2, rows=4)):
            part = changes(images[4 * index : 4 * index + 4])
        torch.testing.assert_close(part, whole[4 * index : 4 * index + 4])


def test_resampling_is_bilinear_sampling_with_reflection() -> None:
    images = torch.rand(7, 3, 9, 6)
    rows, columns = 30 * torch.rand(7, 9) - 10, 20 * torch.rand(7, 6) - 7
    found = resample(images, reflect(rows, 9), reflect(columns, 6))
    grid = torch.stack(
        [
            (2 * columns / 5 - 1)[:, None, :].expand(7, 9, 6),
            (2 * rows / 8 - 1)[:, :, None].expand(7, 9, 6),
        ],
        dim=3,
    )
    expected = F.grid_sample(images, grid, padding_mode="reflection", align_corners=True)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_quarter_turns_and_flips_are_the_eight_symmetries_of_a_square() -> None:
    square = torch.arange(16.0).view(1, 1, 4, 4).repeat(500, 1, 1, 1)
    changes = AdaTransforms(blitting=True, geometric=False, color=False)
    made = changes(square, torch.tensor(1.0), Key.from_seed(0))
    known = set()
    for turns in range(4):
        turned = torch.rot90(square[0, 0], turns)
        known |= {tuple(turned.flatten().tolist()), tuple(turned.flip(1).flatten().tolist())}
    found = {tuple(image.flatten().tolist()) for image in made}  # an eighth of 4 is no pixel
    assert found == known
    seldom = changes(square.repeat(8, 1, 1, 1), torch.tensor(0.1), Key.from_seed(0))
    turned, transposed = (
        sum(torch.equal(image[0], one) for image in seldom)
        for one in (torch.rot90(square[0, 0]), square[0, 0].T)
    )
    assert turned > 5 * transposed, "a turn alone is no reflection"


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_transformations_have_probability_p(p: float) -> None:
    images = torch.rand(2000, 3, 5, 5)
    only_color = AdaTransforms(blitting=False, geometric=False, color=True)
    same = (only_color(images, torch.tensor(p), Key.from_seed(0)) - images).abs().amax(
        (1, 2, 3)
    ) < 1e-12
    # of five changes the luma flip does nothing every other time
    expected = (1 - p) ** 4 * (1 - p / 2)
    assert same.double().mean().item() == pytest.approx(expected, abs=0.03)


def test_invariants_of_hue_and_luma_flip() -> None:
    """Grey axis and length of the color under hue; the color itself under a luma flip."""
    images = torch.rand(300, 3, 1, 1)
    changes = AdaTransforms(blitting=False, geometric=False, color=True)
    made = changes(images, torch.tensor(0.25), Key.from_seed(2))[:, :, 0, 0]
    given = images[:, :, 0, 0]
    mean, was = made.mean(1), given.mean(1)
    color, before = made - mean[:, None], given - was[:, None]
    turned = ((mean - was).abs() < 1e-9) & ((color - before).abs().amax(1) > 1e-9)
    same_length = (color.norm(dim=1) - before.norm(dim=1)).abs() < 1e-9
    assert (turned & same_length).sum() > 10, "hue alone"
    flipped = ((mean + was).abs() < 1e-9) & ((color - before).abs().amax(1) < 1e-9)
    assert flipped.sum() > 5, "luma flip alone"


def ada(interval: int = 2, images_to_1: int = 100, target: float = 0.6) -> AdaptiveAugmentation:
    layer = AdaptiveAugment(
        target=target, interval=interval, images_to_1=images_to_1,
        blitting=True, geometric=True, color=True,
    ).build_input_layer(SPEC)  # fmt: skip
    assert isinstance(layer, AdaptiveAugmentation)
    return layer


def test_p_follows_the_mean_sign_of_an_interval() -> None:
    layer, found = ada(), []
    critic = InputTransform(layer, nn.Identity())
    # 10 images a turn, 2 turns a step of p: 20 of 100 images, 0.2 up or down
    shares = [1.0, 1.0, 1.0, 0.4, 0.9, 0.9, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    for share in shares:  # of the images that are judged real
        judged = torch.where(torch.arange(10) < share * 10, 7.0, -0.1)
        found.append(report_logits(critic, judged, 0.0)["augment_p"].item())
    # mean signs: 1 (up), 0.4 (down), 0.8 (up), -1 (down), -1 (not below 0), 1 (up)
    expected = [0, 0.2, 0.2, 0, 0, 0.2, 0.2, 0, 0, 0, 0, 0.2, 0.2]
    assert found == pytest.approx(expected)
    assert layer.turns.item() == 1


def test_p_stays_a_probability_and_the_boundary_is_the_models() -> None:
    layer = ada(interval=1, images_to_1=4)
    critic = InputTransform(layer, InputTransform(nn.Identity(), nn.Identity()))
    judged = torch.tensor([0.6, 0.7, 0.8])
    for _ in range(3):
        told = report_logits(critic, judged, 0.5)
    assert told["augment_p"] == 1
    report_logits(critic, judged, 0.75)
    assert layer.p.item() == pytest.approx(0.25)
    assert report_logits(critic, judged, None) == {}
    assert report_logits(nn.Identity(), judged, 0.5) == {}


def test_only_the_critics_turn_on_real_images_moves_p(small: Make) -> None:
    built = small("regularization=[adaptive_augment,r1]",
                  "regularization.adaptive_augment.interval=7")  # fmt: skip
    layer = built.trial.nets["discriminator"].layer
    for step in (1, 2, 3):
        built.step(step)
    assert layer.turns.item() == 3, "R1 and the generator's turn do not count"


def test_at_p_of_0_nothing_changes() -> None:
    images = torch.rand(8, 3, 6, 6)
    torch.testing.assert_close(changed(ada(), images), images, rtol=1e-12, atol=1e-12)


def test_r1_differentiates_the_transformations_twice() -> None:
    layer = ada()
    layer.p.fill_(0.8)
    body = nn.Sequential(nn.Flatten(), nn.Linear(36, 5), nn.Tanh(), nn.Linear(5, 1))
    nets = nn.ModuleDict({"discriminator": InputTransform(layer, body)})
    images = torch.rand(6, 1, 6, 6)
    with noise.layer_keys(Key.from_seed(0)):
        penalty = R1(2.0).penalty(MODEL, MODEL.players()[0], nets, images, Key.from_seed(0))
    real = images.clone().requires_grad_()
    with noise.layer_keys(Key.from_seed(0)):
        judged = MODEL.critic_logits(nets, real)
    gradient = torch.autograd.grad(judged.sum(), real)[0]
    assert penalty is not None
    torch.testing.assert_close(penalty, gradient.square().sum() / 6, rtol=1e-9, atol=1e-9)
    penalty.backward()
    assert all(p.grad is not None for p in body[1].parameters() if p.dim() > 1)


@pytest.mark.parametrize("model", ["wasserstein_gan", "relativistic_gan"])
def test_ada_needs_logits_with_a_threshold(model: str, small: Make) -> None:
    with pytest.raises(ConfigError, match="has no threshold: use regularization=augment"):
        small(f"model={model}", "regularization=adaptive_augment")


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("augment", ["color=false", "translation=0.0", "cutout=0.0"]),
        ("adaptive_augment", ["blitting=false", "geometric=false", "color=false"]),
    ],
)
def test_all_transformations_off_are_refused(name: str, off: list[str], small: Make) -> None:
    words = [f"regularization.{name}.{word}" for word in off]
    with pytest.raises(ConfigError, match=f"regularization.{name}: "):
        small(f"regularization={name}", *words)


@pytest.mark.parametrize("name", ["augment", "adaptive_augment"])
def test_points_are_refused(name: str) -> None:
    words = ["data=ring", "runtime.device=cpu", f"regularization={name}"]
    with pytest.raises(ConfigError, match="these data are points"):
        build(compose(words).config, [])
