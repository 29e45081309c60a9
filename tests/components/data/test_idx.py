import gzip
import hashlib
import resource
import struct
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from genrun.components.data._download import download
from genrun.components.data.idx import Idx, read_idx_images, read_labels
from genrun.config.compose import compose
from genrun.core.cache import cache_folder
from genrun.core.errors import DataDamaged, InputMissing

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)
CONTENT = struct.pack(">IIII", 0x803, *IMAGES.shape) + IMAGES.tobytes()


def idx(
    root: Path | None = None, folders: tuple[str, ...] = (), url: str = "http://127.0.0.1:9/x"
):
    return Idx(
        "tiny",
        "images.gz",
        str(root) if root else None,
        folders,
        url,
        sha256="0" * 64,
        labels_sha256=None,
    )


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_reads_plain_and_gzipped(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(CONTENT) if name.endswith("gz") else CONTENT)
    assert np.array_equal(idx(tmp_path).load().images[:, 0], IMAGES)


def test_looks_in_folders_then_in_the_cache(tmp_path: Path) -> None:
    cached = cache_folder() / "tiny"
    cached.mkdir(parents=True)
    (cached / "images").write_bytes(CONTENT)
    assert len(idx(folders=(str(tmp_path / "nowhere"),)).load().images) == 7
    (tmp_path / "images").write_bytes(struct.pack(">IIII", 0x803, 1, 5, 4) + bytes(20))
    assert len(idx(folders=(str(tmp_path),)).load().images) == 1


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "too few"),
        (struct.pack(">IIII", 0x801, 7, 5, 4) + IMAGES.tobytes(), "0x00000801"),
        (CONTENT[:-1], "need 156 bytes"),
        (CONTENT + b"x", "but it has more"),
    ],
)
def test_damaged_files_are_named(content: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(DataDamaged, match=word):
        read_idx_images(path)


def test_truncated_gzip_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(CONTENT)[:-9])
    with pytest.raises(DataDamaged, match="gzip"):
        read_idx_images(path)


def test_missing_file_in_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"data\.root.*images\.gz"):
        idx(tmp_path).load()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a local server of a folder."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "images.gz").write_bytes(gzip.compress(CONTENT))
    handler = partial(SimpleHTTPRequestHandler, directory=str(served))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_download_is_checked_and_cached(address: str, tmp_path: Path) -> None:
    sha256 = hashlib.sha256((tmp_path / "served" / "images.gz").read_bytes()).hexdigest()
    source = Idx("tiny", "images.gz", None, (), f"{address}/images.gz", sha256, labels_sha256=None)
    assert np.array_equal(source.load().images[:, 0], IMAGES)
    (tmp_path / "served" / "images.gz").unlink()
    assert len(source.load().images) == 7, "the second time it comes from the cache"
    assert [p.name for p in (cache_folder() / "tiny").iterdir()] == ["images.gz"]


def test_labels_are_downloaded_with_their_images(address: str, tmp_path: Path) -> None:
    served = tmp_path / "served"
    labels = gzip.compress(struct.pack(">II", 0x801, 7) + bytes(range(7)))
    (served / "labels-idx1.gz").write_bytes(labels)
    (served / "images-idx3.gz").write_bytes(gzip.compress(CONTENT))
    images, of_labels = (
        hashlib.sha256((served / name).read_bytes()).hexdigest()
        for name in ("images-idx3.gz", "labels-idx1.gz")
    )
    url = f"{address}/images-idx3.gz"
    with pytest.raises(DataDamaged, match="labels-idx1"):
        Idx("tiny", "images-idx3.gz", None, (), url, images, labels_sha256="0" * 64).load()
    assert list((cache_folder() / "tiny").iterdir()) == [], "no images without their labels"
    source = Idx("tiny", "images-idx3.gz", None, (), url, images, labels_sha256=of_labels)
    assert source.load().labels.tolist() == list(range(7))
    (served / "labels-idx1.gz").unlink()
    assert source.load().labels.tolist() == list(range(7))


def test_download_with_another_digest_leaves_nothing(address: str) -> None:
    target = cache_folder() / "tiny" / "images.gz"
    with pytest.raises(DataDamaged, match="SHA-256"):
        download(f"{address}/images.gz", target, "0" * 64)
    assert list(target.parent.iterdir()) == []


def test_an_unreachable_address_tells_the_alternative(address: str) -> None:
    target = cache_folder() / "tiny" / "images.gz"
    with pytest.raises(InputMissing, match=r"data\.root=FOLDER"):
        download(f"{address}/nothing.gz", target, "0" * 64)
    assert list(target.parent.iterdir()) == []


@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").is_dir(), reason="no dataset-fashion-mnist"
)
def test_fashion_mnist_is_found_where_debian_puts_it() -> None:
    from genrun.experiment.instantiate import instantiate

    settings = compose(["data=fashion_mnist"]).config["data"]
    split = ("batch_size", "held_out", "test")
    settings = {k: v for k, v in settings.items() if k not in split}
    images = instantiate("data", settings, []).load().images
    assert images.shape == (60_000, 1, 28, 28)
    assert abs(images.mean() / 255 - 0.286) < 0.001  # the mean that its users know


def test_labels_must_be_as_many_as_images(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(struct.pack(">IIII", 0x803, 3, 2, 2) + bytes(12))
    labels = tmp_path / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(struct.pack(">II", 0x801, 3) + bytes([2, 0, 1])))
    assert read_labels(path, 3).tolist() == [2, 0, 1]
    labels.write_bytes(gzip.compress(struct.pack(">II", 0x801, 4) + bytes(4)))
    with pytest.raises(DataDamaged, match="has 4 labels, but there are 3 images"):
        read_labels(path, 3)
    labels.unlink()
    assert read_labels(path, 3) is None


def test_no_more_is_unpacked_than_the_sizes_allow(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(struct.pack(">IIII", 0x803, 1, 2, 2) + bytes(300 << 20)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB
    with pytest.raises(DataDamaged, match="has more"):
        read_idx_images(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 100_000


def test_images_of_no_size(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(struct.pack(">IIII", 0x803, 100, 0, 0))
    with pytest.raises(DataDamaged, match="100 images of 0x0"):
        read_idx_images(path)
