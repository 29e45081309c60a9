"""Every backbone builds every kind of network for images of any size, or raises an error."""

import pytest
import torch

from genrun.config.compose import compose
from genrun.core.protocols.backbone import Backbone
from genrun.core.types import DataSpec
from genrun.experiment.instantiate import instantiate
from tests.conftest import choices

BACKBONES = choices("backbone")
SPECS = [DataSpec(1, 28, 28), DataSpec(3, 33, 20), DataSpec(1, 7, 9)]


def backbone(name: str, *words: str) -> Backbone:
    settings = compose([f"backbone={name}", *words]).config["backbone"]
    made: Backbone = instantiate("backbone", settings, plugins=[])
    return made


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: "x".join(map(str, spec.shape)))
@pytest.mark.parametrize("name", BACKBONES)
def test_networks_fit_any_size(name: str, spec: DataSpec) -> None:
    network_builder, images = backbone(name), torch.rand(2, *spec.shape)
    assert network_builder.build_encoder(spec, 5)(images).shape == (2, 5)
    assert network_builder.build_decoder(spec, 6)(torch.rand(2, 6)).shape == images.shape
    features = network_builder.build_encoder(spec, None)(images)
    assert features.dim() == 2
    assert network_builder.build_decoder(spec, None)(features).shape == images.shape
    assert network_builder.build_denoiser(spec, 7)(images, torch.rand(2, 7)).shape == images.shape


@pytest.mark.parametrize("name", BACKBONES)
def test_denoiser_depends_on_every_pixel_and_the_condition(name: str) -> None:
    torch.manual_seed(0)
    spec = DataSpec(1, 7, 9)
    network = backbone(name).build_denoiser(spec, 3)
    with torch.no_grad():  # as after training, when weights that start near zero have grown
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    images = torch.rand(1, *spec.shape).requires_grad_()
    condition = torch.rand(1, 3).requires_grad_()
    network(images, condition).square().sum().backward()
    assert images.grad.count_nonzero() == spec.pixels
    assert condition.grad.count_nonzero() == 3


@pytest.mark.parametrize("name", ["residual", "unet"])
def test_blocks_start_as_their_shortcuts_and_a_denoiser_near_zero(name: str) -> None:
    spec = DataSpec(1, 12, 12)
    network = backbone(name).build_denoiser(spec, 3)
    outputs = network(torch.randn(4, *spec.shape), torch.randn(4, 3))
    assert 0 < outputs.abs().max() < 1e-3
    block = backbone(name).build_block(1, 32, None)
    features = torch.randn(4, 32, 6, 6)
    torch.testing.assert_close(block(features, None), features, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", sorted(set(BACKBONES) - {"mlp"}))
@pytest.mark.parametrize("kind", ["build_encoder", "build_decoder", "build_denoiser"])
def test_points_and_tiny_images_are_refused(name: str, kind: str) -> None:
    with pytest.raises(ValueError, match="points, not images: use backbone=mlp"):
        getattr(backbone(name), kind)(DataSpec(2, 1, 1, points=True), 5)
    with pytest.raises(ValueError, match="3x28 images can be halved 1 times"):
        getattr(backbone(name), kind)(DataSpec(1, 3, 28), 5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["backbone.channels=[]", "backbone.blocks=[]"],
            "channels=\\[\\]: must name at least one level",
        ),
        (["backbone.blocks=[1]"], "blocks has 1 levels, but channels has 3"),
        (["backbone.heads=5"], "heads=5: must divide the number of channels, 64"),
        (["backbone.activation=best"], "activation=best: must be one of relu"),
    ],
)
def test_wrong_unet_settings_raise_with_their_name(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        backbone("unet", *words).build_denoiser(DataSpec(1, 28, 28), 3)
