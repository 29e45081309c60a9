"""Every backbone builds every kind of body, for images of any size, or says why not."""

import pytest
import torch

from genrun.config.compose import compose
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec
from genrun.experiment.instantiate import instantiate
from tests.conftest import choices

BODIES = choices("backbone")
SPECS = [DataSpec(1, 28, 28), DataSpec(3, 33, 20), DataSpec(1, 7, 9)]


def backbone(name: str, *words: str) -> Backbone:
    settings = compose([f"backbone={name}", *words]).config["backbone"]
    made: Backbone = instantiate("backbone", settings, plugins=[])
    return made


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: "x".join(map(str, spec.shape)))
@pytest.mark.parametrize("name", BODIES)
def test_bodies_fit_any_size(name: str, spec: DataSpec) -> None:
    body, images = backbone(name), torch.rand(2, *spec.shape)
    assert body.build_encoder(spec, 5)(images).shape == (2, 5)
    assert body.build_decoder(spec, 6)(torch.rand(2, 6)).shape == images.shape
    features = body.build_encoder(spec, None)(images)
    assert features.dim() == 2
    assert body.build_decoder(spec, None)(features).shape == images.shape
    assert body.build_denoiser(spec, 7)(images, torch.rand(2, 7)).shape == images.shape


@pytest.mark.parametrize("name", BODIES)
def test_denoiser_sees_every_pixel_and_the_condition(name: str) -> None:
    torch.manual_seed(0)
    spec = DataSpec(1, 7, 9)
    network = backbone(name).build_denoiser(spec, 3)
    with torch.no_grad():  # as after training: what begins near zero has grown
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    images = torch.rand(1, *spec.shape).requires_grad_()
    condition = torch.rand(1, 3).requires_grad_()
    network(images, condition).square().sum().backward()
    assert images.grad.count_nonzero() == spec.pixels
    assert condition.grad.count_nonzero() == 3


@pytest.mark.parametrize("name", ["residual", "unet"])
def test_blocks_begin_as_their_shortcuts_and_a_denoiser_near_zero(name: str) -> None:
    spec = DataSpec(1, 12, 12)
    network = backbone(name).build_denoiser(spec, 3)
    outputs = network(torch.randn(4, *spec.shape), torch.randn(4, 3))
    assert 0 < outputs.abs().max() < 1e-3
    block = backbone(name).block(1, 32, None)
    features = torch.randn(4, 32, 6, 6)
    torch.testing.assert_close(block(features, None), features, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", sorted(set(BODIES) - {"mlp"}))
@pytest.mark.parametrize("kind", ["build_encoder", "build_decoder", "build_denoiser"])
def test_points_and_tiny_images_are_refused(name: str, kind: str) -> None:
    with pytest.raises(ValueError, match="points, not images: use backbone=mlp"):
        getattr(backbone(name), kind)(DataSpec(2, 1, 1, points=True), 5)
    with pytest.raises(ValueError, match="3x28 images can be halved 1 times"):
        getattr(backbone(name), kind)(DataSpec(1, 3, 28), 5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["backbone.channels=[]", "backbone.blocks=[]"], "channels=\\[\\] has no level"),
        (["backbone.blocks=[1]"], "blocks has 1 levels and channels 3"),
        (["backbone.heads=5"], "heads=5: must divide the 64 channels"),
        (["backbone.activation=best"], "activation=best: must be one of relu"),
    ],
)
def test_unet_settings_that_do_not_fit_are_named(words: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        backbone("unet", *words).build_denoiser(DataSpec(1, 28, 28), 3)
