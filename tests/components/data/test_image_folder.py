from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genrun.components.data._decoding import Decoder
from genrun.components.data.image_folder import ImageFolder
from genrun.core.cache import cache_folder
from genrun.core.errors import ConfigError, DataDamaged, InputMissing


def folder(root: Path | None, **changes: object) -> ImageFolder:
    given = {"size": 8, "channels": 3, "skip_bad": False} | changes
    return ImageFolder(root=None if root is None else str(root), **given)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    (root / "deep" / "er").mkdir(parents=True)
    Image.new("RGB", (20, 10), (255, 0, 0)).save(root / "a.png")
    Image.new("L", (9, 30), 128).save(root / "deep" / "b.jpg", quality=100)
    Image.new("RGBA", (8, 8), (0, 0, 255, 255)).save(
        root / "deep" / "er" / "c.webp", lossless=True
    )
    (root / "notes.txt").write_text("not an image")
    return root


def test_any_folder_mode_and_size(images: Path) -> None:
    pixels = folder(images).load().images
    assert pixels.shape == (3, 3, 8, 8)
    assert pixels[:, :, 4, 4].tolist() == [[255, 0, 0], [128, 128, 128], [0, 0, 255]]
    assert folder(images, channels=1).load().images.shape == (3, 1, 8, 8)


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    pixels = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(pixels).save(tmp_path / "deep.png")
    loaded = folder(tmp_path, channels=1).load().images[0, 0]
    assert np.array_equal(loaded, (pixels >> 8).astype(np.uint8))


def test_the_centre_is_cut_out(tmp_path: Path) -> None:
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 8:16] = 200
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert (folder(tmp_path).load().images == 200).all()


def test_decoded_once_and_again_after_a_change(images: Path, monkeypatch) -> None:
    first = folder(images).load().images
    with monkeypatch.context() as patched:
        patched.setattr(Decoder, "_decode_each", lambda *_: pytest.fail("decoded twice"))
        assert np.array_equal(folder(images).load().images, first)
    Image.new("RGB", (8, 8), (0, 255, 0)).save(images / "a.png")
    assert folder(images).load().images[0, :, 4, 4].tolist() == [0, 255, 0]


def test_a_damaged_cache_is_decoded_again(images: Path) -> None:
    first = folder(images).load().images
    (cached,) = (cache_folder() / "image_folder").iterdir()
    cached.write_bytes(cached.read_bytes()[:50])
    assert np.array_equal(folder(images).load().images, first)


def test_a_corrupt_image_is_named_or_left_out(images: Path) -> None:
    (images / "broken.png").write_bytes((images / "a.png").read_bytes()[:40])
    with pytest.raises(DataDamaged, match=r"broken\.png.*skip_bad"):
        folder(images).load()
    assert len(folder(images, skip_bad=True).load().images) == 3


def test_all_corrupt(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no image")
    with pytest.raises(DataDamaged, match="none of the 1"):
        folder(tmp_path, skip_bad=True).load()


def test_missing_file_and_empty(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.root=FOLDER"):
        folder(None).load()
    with pytest.raises(InputMissing, match="no such folder"):
        folder(tmp_path / "nowhere").load()
    (tmp_path / "file").touch()
    with pytest.raises(InputMissing, match="is a file"):
        folder(tmp_path / "file").load()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputMissing, match="has no image"):
        folder(tmp_path / "empty").load()


def in_folders(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number).save(root / name)
    return root


def test_sub_folders_are_classes_numbered_by_name(tmp_path: Path) -> None:
    root = in_folders(tmp_path, "dog/1.png", "cat/2.png", "dog/0.png", "ant/7.png")
    source = folder(root, channels=1).load()
    labels = {int(image.max()): int(label) for image, label in zip(*whole(source), strict=True)}
    assert labels == {0: 2, 1: 1, 2: 2, 3: 0}
    assert source.spec.classes == 3


def whole(source):
    assert source.labels is not None
    return source.images, source.labels


def test_labels_stay_with_their_images_if_some_are_left_out(tmp_path: Path) -> None:
    root = in_folders(tmp_path, "a/0.png", "b/1.png", "b/2.png")
    (root / "a" / "1.png").write_bytes(b"no image")
    for _ in range(2):  # decoded, then from the cache
        source = folder(root, channels=1, skip_bad=True).load()
        images, labels = whole(source)
        assert [int(image.max()) for image in images] == [0, 1, 2]
        assert labels.tolist() == [0, 1, 1]
        assert source.skipped == 1


@pytest.mark.parametrize(
    "names",
    [
        ("a.png", "b.png"),
        ("a/1.png", "b.png"),
        ("a/1.png", "b/deep/2.png"),
        ("a/1.png", "a/2.png"),
    ],
)
def test_any_other_folder_has_no_classes(names: tuple[str, ...], tmp_path: Path) -> None:
    assert folder(in_folders(tmp_path, *names)).load().labels is None
