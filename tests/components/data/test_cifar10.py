import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from genrun.components.data import cifar10
from genrun.components.data.cifar10 import ARCHIVE, FILES, Cifar10
from genrun.core.cache import cache_folder
from genrun.core.errors import DataDamaged, InputMissing

URL = "http://127.0.0.1:9/cifar"


@pytest.fixture(autouse=True)
def _four_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "RECORDS_PER_FILE", 4)


def content(number: int) -> bytes:
    """Four records, whose first pixels have known values."""
    pixels = np.random.default_rng(number).integers(0, 256, (4, 3072), dtype=np.uint8)
    pixels[0, [0, 1, 32, 1024, 2048]] = [number, 2, 3, 4, 5]
    labels = np.array([[number], [9], [0], [3]], np.uint8)
    return np.concatenate([labels, pixels], axis=1).tobytes()


def in_folder(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(FILES):
        (root / name).write_bytes(content(number))
    return root


def archive(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as packed:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return path


def members() -> dict[str, bytes]:
    files = {f"cifar-10-batches-bin/{name}": content(n) for n, name in enumerate(FILES)}
    others = ("test_batch.bin", "readme.html")
    return {**{f"cifar-10-batches-bin/{name}": b"other" for name in others}, **files}


def load(root: Path | None) -> np.ndarray:
    source = Cifar10(None if root is None else str(root), URL, "0" * 64).load()
    assert source.images.shape == (20, 3, 32, 32)
    assert source.labels.tolist() == [x for n in range(5) for x in (n, 9, 0, 3)]
    assert source.spec.classes == 10
    first = source.images[4]  # of the second file
    assert [first[0, 0, 0], first[0, 0, 1], first[0, 1, 0]] == [1, 2, 3], "row by row"
    assert [first[1, 0, 0], first[2, 0, 0]] == [4, 5], "red, green, blue"
    return source.images


def test_files_and_archive_give_the_same_images(tmp_path: Path) -> None:
    plain = load(in_folder(tmp_path / "plain"))
    below = in_folder(tmp_path / "below" / "cifar-10-batches-bin")
    assert np.array_equal(load(below.parent), plain)
    archive(tmp_path / "packed" / ARCHIVE, members())
    assert np.array_equal(load(tmp_path / "packed"), plain)
    archive(cache_folder() / "cifar10" / ARCHIVE, members())
    assert np.array_equal(load(None), plain)
    assert sorted(p.name for p in (tmp_path / "packed").iterdir()) == [ARCHIVE]


def test_a_failed_download_tells_the_alternative() -> None:
    from genrun.config.compose import compose

    settings = compose(["data=cifar10"]).config["data"]
    assert settings["url"].endswith(ARCHIVE)
    assert len(settings["sha256"]) == len(hashlib.sha256().hexdigest())
    with pytest.raises(InputMissing, match=r"data\.root=FOLDER"):
        load(None)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"neither data_batch_1\.bin nor cifar-10-binary"):
        load(tmp_path)
    in_folder(tmp_path)
    (tmp_path / FILES[3]).unlink()
    with pytest.raises(InputMissing, match=r"data_batch_4\.bin does not exist"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("damaged", "word"),
    [
        (content(2)[:-1], r"data_batch_3\.bin: 4 images need 12292 bytes, but it has 12291"),
        (content(2) + b"x", "but it has more"),
        (b"", "but it has 0"),
        (b"\x0a" + content(2)[1:], "has the label 10"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_files_are_named(damaged: bytes, word: str, packed: bool, tmp_path: Path) -> None:
    if packed:
        archive(tmp_path / ARCHIVE, {**members(), f"cifar-10-batches-bin/{FILES[2]}": damaged})
    else:
        (in_folder(tmp_path) / FILES[2]).write_bytes(damaged)
    with pytest.raises(DataDamaged, match=word):
        load(tmp_path)


def test_damaged_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / ARCHIVE, members())
    good = path.read_bytes()
    for damaged in (good[:-2000], good[:50] + b"\xff" * 50 + good[100:], b"text", b""):
        path.write_bytes(damaged)
        with pytest.raises(DataDamaged, match=ARCHIVE):
            load(tmp_path)
    archive(path, {"readme.html": b"x"})
    with pytest.raises(DataDamaged, match=r"has no data_batch_1\.bin"):
        load(tmp_path)
    path.write_bytes(gzip.compress(bytes(1 << 20)))
    monkeypatch.setattr(cifar10._Limited, "left", 1 << 16)
    archive(path, {**members(), "bomb": bytes(1 << 20)})
    with pytest.raises(DataDamaged, match="far larger than CIFAR-10"):
        load(tmp_path)
